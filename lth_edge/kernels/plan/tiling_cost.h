// The estimate that the choice of a tiling minimises.
#pragma once

#include "conv_plan.h"

namespace lth {

constexpr int64_t most_slab_floats = 65536 - 32;  // offsets are 16 bits, that of the zeros behind it too

struct TilingTask {
  const Layer& layer;
  const Window& window;
  Extent in, out;
  const Machine& machine;
  bool packs;  // inputs are packed into a slab rather than lying there already
};

// Channels or columns of a group that a slab holds in blocks.
int64_t tiling_items(const TilingTask& task, Method method);

// Floats of one of them.
int64_t tiling_item_floats(const TilingTask& task, const Tiling& tiling);

// Estimated cycles of the whole layer.
double tiling_cost(const TilingTask& task, const Tiling& tiling);

// The cheapest block for a tiling whose other numbers are given; false where none fits.
bool choose_block(const TilingTask& task, Tiling& tiling, double& cost);

}  // namespace lth
