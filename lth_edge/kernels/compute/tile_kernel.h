// The inner loop of everything with more than one position: rows of sparse weights times a slab of inputs.
//
//   for each row:  sums[0..vectors) = what earlier blocks left
//     for each nonzero of the row:  sums[0..vectors) += value x slab[offset .. offset + vectors x lanes)
//   and after the last block  + bias, + residual, clip
//
// All sums stay in registers, every product takes its input from memory: at most one load a multiply-add.
#pragma once

#include "../plan/conv_plan.h"
#include "lanes.h"

namespace lth::LTH_SET {

// What a kernel does with the sums of a row.
enum class Finish {
  keep,    // stores them for what comes next
  whole,   // writes them out: all of them are output positions, in order
  masked,  // writes out those that are output positions
};

// Where masked sums go: of each vector, floats from the tile's first position, and the lanes that are positions.
struct Places {
  int32_t at[most_vectors];
  uint32_t lanes[most_vectors];
};

struct TileRows {
  const float* slab;
  const int32_t* starts;  // of the block, [rows + 1]
  const uint16_t* offsets;
  const float* values;
  int32_t begin, end;  // rows to compute
  float* sums;         // [end - begin] x sums_stride
  int64_t sums_stride;
  bool first;  // nothing in `sums` yet
  // Only for a finishing kernel, which writes there instead:
  float* out;             // of row `begin`
  const float* residual;  // likewise, or null
  int64_t out_stride;
  const float* bias;  // [rows] or null
  float low, high;
  const Places* places;  // of a masked one
};

// What a finishing kernel does with its sums, row by row.
template <int lanes>
class Epilogue {
 public:
  explicit Epilogue(const TileRows& tile)
      : out_(tile.out - tile.out_stride),
        residual_(tile.residual == nullptr ? nullptr : tile.residual - tile.out_stride),
        bias_(tile.bias == nullptr ? nullptr : tile.bias + tile.begin),
        stride_(tile.out_stride),
        low_(splat<lanes>(tile.low)),
        high_(splat<lanes>(tile.high)),
        added_{} {}

  LTH_MEMBER void next_row() {
    out_ += stride_;
    if (residual_ != nullptr) residual_ += stride_;
    if (bias_ != nullptr) added_ = splat<lanes>(*bias_++);
  }

  LTH_MEMBER void write(Vector<lanes> x, int64_t at) const {
    x += added_;
    if (residual_ != nullptr) x += load<lanes>(residual_ + at);
    store<lanes>(out_ + at, bounded(x));
  }

#if LTH_FAST_MASKED_STORES
  LTH_MEMBER void write(Vector<lanes> x, int64_t at, Mask mask) const {
    x += added_;
    if (residual_ != nullptr) x += load(residual_ + at, mask);
    store(out_ + at, bounded(x), mask);
  }
#endif

 private:
  LTH_MEMBER Vector<lanes> bounded(Vector<lanes> x) const {
    x = x < low_ ? low_ : x;
    return x > high_ ? high_ : x;
  }

  float* out_;
  const float* residual_;
  const float* bias_;
  const int64_t stride_;
  const Vector<lanes> low_, high_;
  Vector<lanes> added_;
};

using TileKernel = void (*)(const TileRows&);

// Nonzeros whose values and offsets are asked for ahead where each makes one product of a vector: a core that computes
// so little for each waits for its caches otherwise.
constexpr int fetched_ahead = 256;

template <int lanes, int vectors, Finish finish>
__attribute__((noinline)) void tile_kernel(const TileRows& tile) {
  constexpr int sets = sum_sets(vectors);
  // Copies: what is stored could otherwise change them, as far as a compiler knows.
  const float* const slab = tile.slab;
  const int32_t* starts = tile.starts + tile.begin;
  const int32_t* const last = tile.starts + tile.end;
  const uint16_t* const offsets = tile.offsets;
  const float* const values = tile.values;
  const bool first = tile.first;
  float* kept = tile.sums;
  Epilogue<lanes> epilogue(tile);
  for (; starts < last; ++starts, kept += tile.sums_stride) {
    Vector<lanes> sums[sets][vectors];
    LTH_UNROLL
    for (int set = 0; set < sets; ++set) {
      LTH_UNROLL
      for (int v = 0; v < vectors; ++v) {
        sums[set][v] = set > 0 || first ? Vector<lanes>{} : load<lanes>(kept + lanes * v);
      }
    }
    const uint16_t* offset = offsets + starts[0];
    const uint16_t* const end = offsets + starts[1];
    const float* value = values + starts[0];
    if constexpr (sets > 1) {
      for (; end - offset >= sets; offset += sets, value += sets) {  // all of them where pieces are filled up
        if constexpr (vectors == 1) {
          __builtin_prefetch(value + fetched_ahead);
          __builtin_prefetch(offset + fetched_ahead);
        }
        LTH_UNROLL
        for (int set = 0; set < sets; ++set) {
          const Vector<lanes> weight = splat<lanes>(value[set]);
          LTH_UNROLL
          for (int v = 0; v < vectors; ++v) sums[set][v] += weight * load<lanes>(slab + offset[set] + lanes * v);
        }
      }
    }
    for (; offset < end; ++offset, ++value) {
      const Vector<lanes> weight = splat<lanes>(*value);
      LTH_UNROLL
      for (int v = 0; v < vectors; ++v) sums[0][v] += weight * load<lanes>(slab + *offset + lanes * v);
    }
    LTH_UNROLL
    for (int half = sets / 2; half > 0; half /= 2) {
      LTH_UNROLL
      for (int set = 0; set < half; ++set) {
        LTH_UNROLL
        for (int v = 0; v < vectors; ++v) sums[set][v] += sums[set + half][v];
      }
    }
    if constexpr (finish != Finish::keep) epilogue.next_row();
    LTH_UNROLL
    for (int v = 0; v < vectors; ++v) {
      if constexpr (finish == Finish::keep) store<lanes>(kept + lanes * v, sums[0][v]);
      if constexpr (finish == Finish::whole) epilogue.write(sums[0][v], lanes * v);
#if LTH_FAST_MASKED_STORES
      if constexpr (finish == Finish::masked)
        epilogue.write(sums[0][v], tile.places->at[v], mask_of(tile.places->lanes[v]));
#endif
    }
  }
}

template <Finish finish>
TileKernel tile_kernel_of(const Tiling& tiling) {
  if constexpr (native_lanes > narrow_lanes && finish != Finish::masked)
    if (tiling.lanes == narrow_lanes) return tile_kernel<narrow_lanes, 1, finish>;
#define LTH_KERNEL(n) tile_kernel<native_lanes, n, finish>
  static constexpr TileKernel kernels[] = {
      LTH_KERNEL(1),  LTH_KERNEL(2),  LTH_KERNEL(3), LTH_KERNEL(4),  LTH_KERNEL(5),  LTH_KERNEL(6),
      LTH_KERNEL(7),  LTH_KERNEL(8),  LTH_KERNEL(9), LTH_KERNEL(10), LTH_KERNEL(11), LTH_KERNEL(12),
#if LTH_MOST_VECTORS > 12
      LTH_KERNEL(13), LTH_KERNEL(14),
#endif
#if LTH_MOST_VECTORS > 14
      LTH_KERNEL(15), LTH_KERNEL(16),
#endif
  };
#undef LTH_KERNEL
  static_assert(sizeof kernels / sizeof kernels[0] == most_vectors);
  return kernels[tiling.vectors - 1];
}

static inline TileKernel tile_kernel_of(const Tiling& tiling, Finish finish) {
#if LTH_FAST_MASKED_STORES
  if (finish == Finish::masked) return tile_kernel_of<Finish::masked>(tiling);
#endif
  return finish == Finish::keep ? tile_kernel_of<Finish::keep>(tiling) : tile_kernel_of<Finish::whole>(tiling);
}

}  // namespace lth::LTH_SET
