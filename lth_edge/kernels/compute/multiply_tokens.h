// Linear layers over a tile of tokens that lie in the vectors' lanes: activations [channels, tile], so that one layer's
// output is the next one's slab and nothing is packed in between.
#pragma once

#include "convolve.h"
#include "transpose.h"

namespace lth::LTH_SET {

// in: [channels, tile_floats]; residual and out: [rows, tile_floats].
static void multiply_tokens(const ConvPlan& plan, const float* in, const float* residual, float* out) {
  TileRows rows = {};
  set_epilogue(plan, rows);
  rows.offsets = plan.offsets;
  rows.values = plan.values;
  rows.begin = 0;
  rows.end = plan.group_rows;
  rows.sums = rows.out = out;
  rows.sums_stride = rows.out_stride = plan.strip_floats;
  rows.residual = residual;
  rows.bias = plan.bias;
  for (int32_t block = 0; block < plan.blocks; ++block) {
    rows.slab = in + static_cast<int64_t>(block) * plan.tiling.block * plan.strip_floats;
    rows.starts = plan.starts + static_cast<int64_t>(block) * plan.group_rows;
    rows.first = block == 0;
    const bool last = block + 1 == plan.blocks;
    LTH_MARK(multiply, rows.starts[rows.end] - rows.starts[0], rows.end, plan.strip_floats, 1);
    tile_kernel_of(plan.tiling, last ? Finish::whole : Finish::keep)(rows);
  }
  if (clips(plan.activation)) return;
  LTH_MARK(finish);
  activate(out, static_cast<int64_t>(plan.group_rows) * plan.strip_floats, plan.activation);
}

// `count` tokens into the lanes of a tile, zeros in the rest.
static void gather_tokens(const float* tokens, int32_t count, int32_t channels, int32_t tile_floats, float* tile) {
  if (count < tile_floats)
    for (int32_t channel = 0; channel < channels; ++channel)
      zero(tile + static_cast<int64_t>(channel) * tile_floats + count, tile_floats - count);
  transpose(tokens, channels, count, channels, tile, tile_floats);
}

static void scatter_tokens(const float* tile, int32_t tile_floats, int32_t count, int32_t channels, float* tokens) {
  transpose(tile, tile_floats, channels, count, tokens, channels);
}

}  // namespace lth::LTH_SET
