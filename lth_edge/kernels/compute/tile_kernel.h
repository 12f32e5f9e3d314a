// The inner loop of everything with more than one position: rows of sparse weights times a slab of inputs.
//
//   for each row:  sums[0..vectors) = what earlier blocks left
//     for each nonzero of the row:  sums[0..vectors) += value x slab[offset .. offset + vectors x lanes)
//   and after the last block  + bias, + residual, clip
//
// All sums stay in registers, every product takes its input from memory: at most one load a multiply-add.
#pragma once

#include "../layers/layer.h"
#include "vector.h"

namespace lth::LTH_SET {

struct TileRows {
  const float* slab;
  const int32_t* starts;    // of the block, [rows + 1]
  const uint16_t* offsets;
  const float* values;
  int32_t begin, end;       // rows to compute
  float* sums;              // [end - begin] x sums_stride
  int64_t sums_stride;
  bool first;               // nothing in `sums` yet
  // Only for a finishing kernel, which writes there instead:
  float* out;               // of row `begin`
  const float* residual;    // likewise, or null
  int64_t out_stride;
  const float* bias;        // [rows] or null
  float low, high;
};

using TileKernel = void (*)(const TileRows&);

template <int lanes, int vectors, bool finishing>
__attribute__((noinline)) void tile_kernel(const TileRows& tile) {
  // Few sums wait for each other: a row's nonzeros are then dealt to several sets of sums.
  constexpr int sets = vectors == 1 ? 8 : vectors == 2 ? 4 : vectors <= 5 ? 2 : 1;
  for (int32_t row = tile.begin; row < tile.end; ++row) {
    float* kept = tile.sums + (row - tile.begin) * tile.sums_stride;
    Vector<lanes> sums[sets][vectors];
    LTH_UNROLL for (int set = 0; set < sets; ++set)
      LTH_UNROLL for (int v = 0; v < vectors; ++v)
        sums[set][v] = set > 0 || tile.first ? Vector<lanes>{} : load<lanes>(kept + lanes * v);
    const uint16_t* offset = tile.offsets + tile.starts[row];
    const uint16_t* const end = tile.offsets + tile.starts[row + 1];
    const float* value = tile.values + tile.starts[row];
    if constexpr (sets > 1) {
      for (; end - offset >= sets; offset += sets, value += sets) {
        LTH_UNROLL for (int set = 0; set < sets; ++set) {
          const Vector<lanes> weight = splat<lanes>(value[set]);
          LTH_UNROLL for (int v = 0; v < vectors; ++v)
            sums[set][v] += weight * load<lanes>(tile.slab + offset[set] + lanes * v);
        }
      }
    }
    for (; offset < end; ++offset, ++value) {
      const Vector<lanes> weight = splat<lanes>(*value);
      LTH_UNROLL for (int v = 0; v < vectors; ++v) sums[0][v] += weight * load<lanes>(tile.slab + *offset + lanes * v);
    }
    LTH_UNROLL for (int set = 1; set < sets; ++set)
      LTH_UNROLL for (int v = 0; v < vectors; ++v) sums[0][v] += sums[set][v];
    if constexpr (finishing) {
      const int64_t at = (row - tile.begin) * tile.out_stride;
      const Vector<lanes> bias = splat<lanes>(tile.bias == nullptr ? 0.0f : tile.bias[row]);
      const Vector<lanes> low = splat<lanes>(tile.low), high = splat<lanes>(tile.high);
      LTH_UNROLL for (int v = 0; v < vectors; ++v) {
        Vector<lanes> x = sums[0][v] + bias;
        if (tile.residual != nullptr) x += load<lanes>(tile.residual + at + lanes * v);
        x = x < low ? low : x;
        store<lanes>(tile.out + at + lanes * v, x > high ? high : x);
      }
    } else {
      LTH_UNROLL for (int v = 0; v < vectors; ++v) store<lanes>(kept + lanes * v, sums[0][v]);
    }
  }
}

template <bool finishing>
TileKernel tile_kernel_of(int32_t vectors) {
#define LTH_KERNEL(n) tile_kernel<native_lanes, n, finishing>
  static constexpr TileKernel kernels[] = {
      LTH_KERNEL(1), LTH_KERNEL(2), LTH_KERNEL(3),  LTH_KERNEL(4),  LTH_KERNEL(5),  LTH_KERNEL(6),
      LTH_KERNEL(7), LTH_KERNEL(8), LTH_KERNEL(9),  LTH_KERNEL(10), LTH_KERNEL(11), LTH_KERNEL(12),
#if LTH_MOST_VECTORS > 12
      LTH_KERNEL(13), LTH_KERNEL(14),
#endif
#if LTH_MOST_VECTORS > 14
      LTH_KERNEL(15), LTH_KERNEL(16),
#endif
  };
#undef LTH_KERNEL
  static_assert(sizeof kernels / sizeof kernels[0] == most_vectors);
  return kernels[vectors - 1];
}

}  // namespace lth::LTH_SET
