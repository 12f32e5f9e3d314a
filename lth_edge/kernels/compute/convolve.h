// One convolution with sparse weights, tile by tile.
#pragma once

#include "../measure/mark.h"
#include "activation.h"
#include "pack.h"
#include "tile_kernel.h"

namespace lth::LTH_SET {

// Bias, residual and activation for a run of one row's positions. The last vector overlaps the one before it.
template <int lanes, class Function>
LTH_INLINE void write_overlapping(float* out, const float* sums, const float* residual, float bias, int64_t count,
                                  Function function) {
  for (int64_t i = 0; i < count; i += lanes) {
    const int64_t at = i + lanes <= count ? i : count - lanes;
    Vector<lanes> x = load<lanes>(sums + at) + bias;
    if (residual != nullptr) x += load<lanes>(residual + at);
    store<lanes>(out + at, function(x));
  }
}

template <class Function>
LTH_INLINE void write_with(float* out, const float* sums, const float* residual, float bias, int64_t count,
                           Function function) {
  if (count >= native_lanes) return write_overlapping<native_lanes>(out, sums, residual, bias, count, function);
  if (count >= 4) return write_overlapping<4>(out, sums, residual, bias, count, function);
  for (int64_t i = 0; i < count; ++i)
    out[i] = function(splat<4>(sums[i] + bias + (residual == nullptr ? 0.0f : residual[i])))[0];
}

static inline void write_run(float* out, const float* sums, const float* residual, float bias,
                             const Activation& activation, int64_t count) {
  if (activation.kind == ActivationKind::none)
    return write_with(out, sums, residual, bias, count, [](auto x) { return x; });
  if (activation.kind == ActivationKind::clip)
    return write_with(out, sums, residual, bias, count,
                      [&](auto x) { return clip<sizeof x / sizeof(float)>(x, activation.low, activation.high); });
  write_with(out, sums, residual, bias, count,
             [&](auto x) { return activated<sizeof x / sizeof(float)>(x, activation); });
}

// What a kernel may do of an activation by itself: bounds, infinite where there is none.
LTH_INLINE bool clips(const Activation& activation) {
  return activation.kind == ActivationKind::none || activation.kind == ActivationKind::clip;
}

// Where a tile's sums go in an output plane: runs of positions.
class TilePlaces {
 public:
  TilePlaces(const ConvPlan& plan, const ConvPart& part) : plan_(plan), plane_(part.out_plane) {
    const int32_t tile = part.tile;
    const bool by_rows = plan.tiling.method != Method::columns;
    const int32_t top = tile * plan.tiling.rows;
    const int64_t positions = static_cast<int64_t>(plan.out.height) * plan.out.width;
    const int64_t first =
        by_rows ? static_cast<int64_t>(top) * plan.out.width : static_cast<int64_t>(tile) * plan.strip_floats;
    packed_ = !by_rows || plan.tiling.pitch == plan.out.width;
    const int64_t held = by_rows ? static_cast<int64_t>(plan.tiling.rows) * plan.out.width : plan.strip_floats;
    const int64_t here = positions - first < held ? positions - first : held;
    first_ = first - static_cast<int64_t>(part.out_first) * plan.out.width;
    run_ = packed_ ? here : plan.out.width;
    runs_ = packed_ ? 1 : static_cast<int32_t>(here / plan.out.width);
    if (finish() == Finish::masked) place_vectors();
  }

  int64_t first() const { return first_; }
  int64_t plane() const { return plane_; }
  // What a kernel does with the last block's sums; those that it keeps are for `write`.
  Finish finish() const {
    const bool whole = runs_ == 1 && run_ == static_cast<int64_t>(plan_.strips) * plan_.strip_floats;
    if (!clips(plan_.activation)) return Finish::keep;
    if (whole) return Finish::whole;
    const bool by_vectors = packed_ || plan_.tiling.pitch % native_lanes == 0;
    const bool masked = LTH_FAST_MASKED_STORES && plan_.strips == 1 && plan_.tiling.lanes == native_lanes && by_vectors;
    return masked ? Finish::masked : Finish::keep;
  }

  const Places* vectors() const { return &vectors_; }

  // Bias, residual and activation for the sums of these rows.
  void write(const TileRows& rows) const {
    for (int32_t row = rows.begin; row < rows.end; ++row) {
      const int64_t done = row - rows.begin;
      const float bias = rows.bias == nullptr ? 0.0f : rows.bias[row];
      for (int32_t run = 0; run < runs_; ++run) {
        const int64_t at = done * plane_ + run * run_;
        write_run(rows.out + at, rows.sums + done * rows.sums_stride + static_cast<int64_t>(run) * plan_.tiling.pitch,
                  rows.residual == nullptr ? nullptr : rows.residual + at, bias, plan_.activation, run_);
      }
    }
  }

 private:
  void place_vectors() {
    const int64_t pitch = packed_ ? plan_.strip_floats : plan_.tiling.pitch;
    for (int32_t v = 0; v < plan_.tiling.vectors; ++v) {
      const int64_t run = v * native_lanes / pitch, within = v * native_lanes % pitch;
      const int64_t left = run < runs_ && run_ > within ? run_ - within : 0;
      vectors_.at[v] = static_cast<int32_t>(left > 0 ? run * run_ + within : 0);
      vectors_.lanes[v] = (1u << (left < native_lanes ? left : native_lanes)) - 1;
    }
  }

  const ConvPlan& plan_;
  int64_t plane_, first_, run_;
  int32_t runs_;
  bool packed_;
  Places vectors_;  // only where sums are written through masks
};

constexpr float infinity = __builtin_inff();

LTH_INLINE void set_epilogue(const ConvPlan& plan, TileRows& rows) {
  const bool bounded = plan.activation.kind == ActivationKind::clip;
  rows.low = bounded ? plan.activation.low : -infinity;
  rows.high = bounded ? plan.activation.high : infinity;
}

// One group's part of a tile: rows begin .. end of the group.
struct GroupPart {
  const float* channels;  // the group's first input plane
  const float* slabs;     // its packed blocks, or null: to be packed here
  const int32_t* starts;  // the group's
  const float* bias;      // the group's, or null
  const float* residual;  // position 0 of the group's first output plane, or null
  float* out;             // likewise
  int32_t begin, end;
};

// Every strip of a tile.
LTH_INLINE void multiply_strips(const ConvPlan& plan, TileKernel kernel, TileRows rows) {
  for (int32_t strip = 0; strip < plan.strips; ++strip) {
    kernel(rows);
    rows.slab += plan.strip_floats;
    rows.sums += plan.strip_floats;
    rows.out += plan.strip_floats;
    if (rows.residual != nullptr) rows.residual += plan.strip_floats;
  }
}

static void convolve_group(const ConvPlan& plan, const GroupPart& part, int32_t tile, const TilePlaces& places,
                           float* slab, float* sums) {
  const int64_t plane = places.plane();
  TileRows rows = {};
  set_epilogue(plan, rows);
  rows.offsets = plan.offsets;
  rows.values = plan.values;
  rows.sums_stride = static_cast<int64_t>(plan.strips) * plan.strip_floats;
  rows.out_stride = plane;
  rows.bias = part.bias;
  rows.places = places.vectors();
  for (int32_t block = 0; block < plan.blocks; ++block) {
    if (part.slabs == nullptr) pack_block(plan, part.channels, tile, block, slab);
    rows.slab = part.slabs == nullptr ? slab : part.slabs + block * slab_floats(plan);
    rows.starts = part.starts + static_cast<int64_t>(block) * plan.group_rows;
    rows.first = block == 0;
    const bool last = block + 1 == plan.blocks;
    const Finish finish = last ? places.finish() : Finish::keep;
    const bool apart = last && finish == Finish::keep;
    const TileKernel kernel = tile_kernel_of(plan.tiling, finish);
    // Few rows at a time where their sums are written out next, so that these are still in the nearest cache.
    const int32_t step = apart ? finished_together : part.end - part.begin;
    for (rows.begin = part.begin; rows.begin < part.end; rows.begin = rows.end) {
      rows.end = part.end - rows.begin < step ? part.end : rows.begin + step;
      const int64_t kept = plan.blocks > 1 ? rows.begin - part.begin : 0;
      rows.sums = sums + kept * rows.sums_stride;
      rows.out = part.out + rows.begin * plane + places.first();
      rows.residual = part.residual == nullptr ? nullptr : part.residual + rows.begin * plane + places.first();
      LTH_MARK(multiply, rows.starts[rows.end] - rows.starts[rows.begin], rows.end - rows.begin, plan.strip_floats,
               plan.strips);
      multiply_strips(plan, kernel, rows);
      LTH_MARK(finish);
      if (apart) places.write(rows);
    }
  }
}

// Rows begin .. end of one tile; where there are groups, of whole groups. `slabs` is the tile's packed blocks, or null.
static void convolve(const ConvPlan& plan, const ConvPart& part, float* scratch) {
  const TilePlaces places(plan, part);
  float* const sums = scratch + slab_floats(plan);
  const int64_t in_plane = static_cast<int64_t>(plan.in.height) * plan.in.width;
  const int32_t first_group = part.begin / plan.group_rows, last_group = (part.end - 1) / plan.group_rows;
  for (int32_t group = first_group; group <= last_group; ++group) {
    const int32_t row = group * plan.group_rows;
    GroupPart rows = {};
    rows.channels = part.image + static_cast<int64_t>(group) * plan.group_channels * in_plane;
    rows.slabs = part.slabs;
    rows.starts = plan.starts + static_cast<int64_t>(row) * plan.blocks;
    rows.bias = plan.bias == nullptr ? nullptr : plan.bias + row;
    rows.residual = part.residual == nullptr ? nullptr : part.residual + row * places.plane();
    rows.out = part.out + row * places.plane();
    rows.begin = part.begin > row ? part.begin - row : 0;
    rows.end = part.end - row < plan.group_rows ? part.end - row : plan.group_rows;
    convolve_group(plan, rows, part.tile, places, scratch, sums);
  }
}

// All blocks of a tile, for several calls of `convolve` that share them; only without groups.
static void pack_tile(const ConvPlan& plan, const float* image, int32_t tile, int32_t block, float* slabs) {
  pack_block(plan, image, tile, block, slabs + block * slab_floats(plan));
}

}  // namespace lth::LTH_SET
