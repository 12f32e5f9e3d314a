// A convolution prepared for one size of image: how it is cut into tiles, and its weights in the order the kernel reads
// them.
#pragma once

#include "../layers/layer.h"
#include "../layers/message.h"
#include "../layers/rounding.h"
#include "../layers/storage.h"
#include "machine.h"

namespace lth {

// How a tile's inputs lie in the slab that the kernel reads.
enum class Method {
  rows,     // whole output rows, their inputs once for each phase of the horizontal stride: little to pack
  shifted,  // whole output rows, their inputs once for each column of the window, lined up: every load is aligned
  columns,  // any run of output positions, their inputs once for each column of the weights (im2col)
};

// One way to cut a convolution into tiles.
struct Tiling {
  Method method;
  int32_t lanes;    // of a vector: what the set has, or fewer where an image has no more positions
  int32_t vectors;  // a strip is vectors x lanes floats, all of them sums in registers
  int32_t rows;     // output rows of a tile; not of method columns
  int32_t pitch;    // floats from one row to the next; not of method columns
  int32_t block;    // what the slab holds at a time: input channels, or columns of the weights
};

// A slab of rows keeps the input rows of each phase of the vertical stride together, so that a step of one output row
// is one row of the slab. Phase p serves the window's rows y with y x dilation = p modulo the stride.
constexpr int32_t most_phases = 8;  // larger strides take method columns

struct Phases {
  int32_t rows[most_phases];   // of a phase in the slab
  int32_t begin[most_phases];  // in rows
  int32_t count;               // the vertical stride
  int32_t total;               // rows of a copy
};

// Which of some positions read inside the image: begin .. end, the first of them input position `first`.
struct Inside {
  int32_t begin, end;
  int64_t first;
};

struct ConvPlan {
  Tiling tiling;
  int32_t read_together;  // nonzeros: each piece of a row is filled up to a multiple
  Window window;          // padding resolved
  Extent in, out;
  int32_t group_rows, group_channels;
  int32_t strip_floats;   // vectors x lanes
  int32_t strips;         // of a tile
  Phases phases;          // not of method columns
  int32_t copies;         // of a channel's rows in the slab; not of method columns
  int32_t copy_floats;    // of one of them
  const Inside* parts;    // [copies] which floats of its rows are input
  int32_t item_floats;    // of one channel or column in the slab
  int32_t items, blocks;  // channels or columns of a group
  int32_t tiles;
  // Group by group, in it block by block, in it row by row of the group: the nonzeros of the i-th such piece are
  // starts[i] .. starts[i + 1].
  const int32_t* starts;
  const uint16_t* offsets;  // floats from the slab's beginning
  const float* values;
  const float* bias;  // [rows] or null
  Activation activation;
};

// Few sums would wait for each other: a row's nonzeros are then dealt to several sets of sums.
constexpr int32_t sum_sets(int32_t vectors) { return vectors <= 2 ? 4 : vectors <= 5 ? 2 : 1; }

// Where zeros lie in the slab, for each strip of a tile: what fills up a row's nonzeros to whole sets is multiplied
// with them. The last vector of a tile may read beyond the last item, hence the gap.
inline int64_t zeros_begin(const ConvPlan& plan) {
  const int64_t held = plan.items < plan.tiling.block ? plan.items : plan.tiling.block;
  return held * plan.item_floats + 16;
}

inline int64_t zeros_floats(const ConvPlan& plan) {
  return plan.read_together > 1 ? round_up(static_cast<int64_t>(plan.strips) * plan.strip_floats, 16) : 0;
}

inline int64_t slab_floats(const ConvPlan& plan) { return zeros_begin(plan) + zeros_floats(plan); }

// Rows whose sums wait together for what cannot be done in registers.
constexpr int32_t finished_together = 4;

// Floats of scratch that computing `rows` output channels takes: the slab and the sums.
inline int64_t scratch_floats(const ConvPlan& plan, int32_t rows) {
  const int64_t waiting = plan.blocks > 1 ? rows : finished_together;
  return slab_floats(plan) + waiting * plan.strips * plan.strip_floats;
}

// One call of a kernel: some rows of one tile.
struct ConvPart {
  const float* image;     // [channels, in.height, in.width]
  const float* slabs;     // the tile's packed blocks, or null: to be packed in scratch
  const float* residual;  // [rows, out.height, out.width], or null
  float* out;             // likewise, unless some rows alone are kept
  int64_t out_plane;      // floats from one output channel to the next
  int32_t out_first;      // the row that `out` begins with; 0 where all are kept
  int32_t tile;
  int32_t begin, end;  // rows, of whole groups where there are groups
};

// Rows that lie as close in the image as in the slab, a whole number of them to a vector, are packed several at once.
inline bool are_narrow(const Window& window, Extent in, int32_t pitch, int32_t lanes) {
  return window.stride[0] == 1 && window.stride[1] == 1 && pitch == in.width && pitch < lanes && lanes % pitch == 0;
}

Phases phases(const Window& window, int32_t tile_rows);

// Positions 0 .. count, of which position p reads input p x stride + shift of `width`.
Inside inside(int64_t shift, int64_t stride, int64_t width, int32_t count);

// Copies of a channel's rows, and floats of a row that an output row of this width needs; not for method columns.
int32_t row_copies(const Window& window, Method method);
int64_t row_floats(const Window& window, Method method, int32_t out_width);

// Chooses by rule, or takes `tuning` (method, vectors or rows, block) where it is not null and fits.
Tiling choose_tiling(const Layer& layer, const Window& window, Extent in, Extent out, const Machine& machine,
                     const int64_t* tuning);

// Lays out and, unless `storage` is measuring, packs the weights. `packs`: the inputs are packed into a slab rather
// than lying there already. False where the layer is too large for 32-bit sizes.
bool plan_conv(const Layer& layer, const Window& window, Extent in, Extent out, const Tiling& tiling, bool packs,
               Storage& storage, ConvPlan& plan, Message& error);

}  // namespace lth
