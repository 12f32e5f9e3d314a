// How a row of outputs of a sliding window is cut into vectors, where kernels read the image in place: the lanes of
// each load that lie inside the image, and of each store that are outputs.
#pragma once

#include "../layers/layer.h"
#include "../layers/storage.h"

namespace lth {

constexpr int32_t most_column_loads = 8;

struct ColumnVector {
  int32_t first;    // output column of the first lane
  bool whole;       // all lanes of every load and of the store
  uint16_t stored;  // a bit a lane
  uint16_t loaded[most_column_loads];
};

struct Columns {
  const ColumnVector* vectors;
  int32_t count;
};

// Every column of the window is a load for stride 1. For stride 2 two neighbouring vectors hold the inputs of two
// columns of the window, in their even and odd lanes.
constexpr int32_t column_loads(int32_t kernel, int32_t stride) { return stride == 1 ? kernel : (kernel + 1) / 2 * 2; }

// Where a load begins, from what the first lane's output reads first.
constexpr int64_t column_load(int32_t load, int32_t stride, int32_t dilation, int32_t lanes) {
  return stride == 1 ? static_cast<int64_t>(load) * dilation : load / 2 * 2 + load % 2 * lanes;
}

// Horizontal strides of 1 and 2, dilated only for 1, and windows that are not too wide.
constexpr int32_t widest_cut = 1 << 16;  // every vector of a row is written down: not of rows wider than any image's

bool has_columns(const Window& window);

// The last vector overlaps the one before it, unless there is one alone.
Columns cut_columns(const Window& window, int32_t in_width, int32_t out_width, int32_t lanes, Storage& storage);

}  // namespace lth
