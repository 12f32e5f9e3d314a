// A maximum over a window, or an average over all positions, prepared for one size of image.
#pragma once

#include "columns.h"

namespace lth {

struct PoolPlan {
  Window window;  // padding resolved; as the rest, of a maximum
  Extent in, out;
  Columns columns;  // none where the window has none: each output is then computed by itself
};

// Whether the maxima halve the image each way: windows of 2, or of 3 with one row and column of padding before.
inline bool halves(const PoolPlan& plan) {
  const Window& window = plan.window;
  for (int axis = 0; axis < 2; ++axis) {
    const bool two = window.kernel[axis] == 2 && window.pad[axis] == 0;
    const bool three = window.kernel[axis] == 3 && window.pad[axis] == 1;
    if ((!two && !three) || window.stride[axis] != 2 || window.dilation[axis] != 1) return false;
  }
  return window.kernel[0] == window.kernel[1] && plan.in.width == 2 * plan.out.width &&
         plan.in.height == 2 * plan.out.height;
}

// Neighbouring rows of maxima that halve an image.
struct HalvedRows {
  const float* in;  // the upper of the two input rows of the first
  int64_t in_plane;
  float* out;  // the first
  int64_t out_plane;
  int32_t rows;
  bool above;  // the input row before `in` is there as well
  int32_t channels;
};

inline PoolPlan plan_pool(const Layer& layer, const Window& window, Extent in, Extent out, int32_t lanes,
                          Storage& storage) {
  const bool cut = layer.kind == LayerKind::max_pool && out.width <= widest_cut && has_columns(window);
  return {window, in, out, cut ? cut_columns(window, in.width, out.width, lanes, storage) : Columns{}};
}

}  // namespace lth
