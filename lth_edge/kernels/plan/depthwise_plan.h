// A convolution with one input and one output channel a group, prepared to read its planes in place.
#pragma once

#include "columns.h"

namespace lth {

struct DepthwisePlan {
  Window window;  // padding resolved
  Extent in, out;
  Columns columns;
  const float* zeros;  // [in.width] a row of padding
  // Of each channel kernel x kernel, column by column of the window: a bit where a weight is stored, and its value.
  const uint32_t* stored;
  const float* weights;
  const float* bias;  // [channels] or null
  Activation activation;
};

// Square windows of 3 and 5, strides of 1 and 2, images of a size that images have; others go the way of all
// convolutions.
bool is_depthwise(const Layer& layer, Extent in);

void plan_depthwise(const Layer& layer, const Window& window, Extent in, Extent out, int32_t lanes, Storage& storage,
                    DepthwisePlan& plan);

}  // namespace lth
