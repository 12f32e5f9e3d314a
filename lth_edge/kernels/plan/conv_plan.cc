#include "conv_plan.h"

#include "../layers/csr.h"

namespace lth {
namespace {

// Where a column of the weights lies in the slab of its block.
class SlabOffsets {
 public:
  explicit SlabOffsets(const ConvPlan& plan) : plan_(plan) {}

  int32_t item(int32_t column) const { return by_rows() ? column / window_size() : column; }

  uint16_t offset(int32_t column) const {
    const int32_t item_begin = item(column) % plan_.tiling.block * plan_.item_floats;
    if (!by_rows()) return static_cast<uint16_t>(item_begin);
    const Window& window = plan_.window;
    const int32_t y = column % window_size() / window.kernel[1], x = column % window.kernel[1];
    const int32_t down = y * window.dilation[0], across = x * window.dilation[1];
    const int32_t row = plan_.phases.begin[down % plan_.phases.count] + down / plan_.phases.count;
    const bool shifted = plan_.tiling.method == Method::shifted;
    const int32_t copy = shifted ? x : across % window.stride[1], step = shifted ? 0 : across / window.stride[1];
    return static_cast<uint16_t>(item_begin + copy * plan_.copy_floats + row * plan_.tiling.pitch + step);
  }

 private:
  bool by_rows() const { return plan_.tiling.method != Method::columns; }
  int32_t window_size() const { return plan_.window.kernel[0] * plan_.window.kernel[1]; }

  const ConvPlan& plan_;
};

// First counts the nonzeros of each piece in starts, sums them up, then places them.
void pack(const Csr& weights, const ConvPlan& plan, int32_t* starts, uint16_t* offsets, float* values) {
  const SlabOffsets slab(plan);
  const int64_t pieces = static_cast<int64_t>(plan.blocks) * weights.rows;
  const auto first_piece = [&](int32_t row) {
    return static_cast<int64_t>(row / plan.group_rows) * plan.blocks * plan.group_rows + row % plan.group_rows;
  };
  const auto block_of = [&](int32_t column) { return static_cast<int64_t>(slab.item(column) / plan.tiling.block); };
  for (int64_t piece = 0; piece <= pieces; ++piece) starts[piece] = 0;
  CsrColumns counted(weights);
  for (int32_t row = 0; row < weights.rows; ++row)
    counted.next_row(
        [&](int32_t column, int64_t) { ++starts[first_piece(row) + block_of(column) * plan.group_rows + 1]; });
  for (int64_t piece = 0; piece < pieces; ++piece)
    starts[piece + 1] = starts[piece] + static_cast<int32_t>(round_up(starts[piece + 1], plan.read_together));
  for (int32_t i = 0; plan.read_together > 1 && i < starts[pieces]; ++i) {  // what pieces are filled up with
    offsets[i] = static_cast<uint16_t>(zeros_begin(plan));
    values[i] = 0.0f;
  }
  CsrColumns placed(weights);
  for (int32_t row = 0; row < weights.rows; ++row) {
    int64_t before = -1, at = 0;
    placed.next_row([&](int32_t column, int64_t i) {
      const int64_t block = block_of(column);
      if (block != before) at = starts[first_piece(row) + block * plan.group_rows];
      before = block;
      offsets[at] = slab.offset(column);
      values[at++] = csr_value(weights, i, row);
    });
  }
}

void place_copies(const ConvPlan& plan, Inside* parts) {
  const bool shifted = plan.tiling.method == Method::shifted;
  for (int32_t copy = 0; copy < plan.copies; ++copy) {
    const int64_t shift = static_cast<int64_t>(copy) * (shifted ? plan.window.dilation[1] : 1) - plan.window.pad[1];
    parts[copy] = inside(shift, plan.window.stride[1], plan.in.width, shifted ? plan.out.width : plan.tiling.pitch);
  }
}

}  // namespace

Phases phases(const Window& window, int32_t tile_rows) {
  Phases result = {};
  result.count = window.stride[0] <= most_phases ? window.stride[0] : 1;
  for (int32_t y = 0; y < window.kernel[0]; ++y) {
    const int32_t down = y * window.dilation[0];
    int32_t& rows = result.rows[down % result.count];
    const int32_t needed = tile_rows + down / result.count;
    rows = needed > rows ? needed : rows;
  }
  for (int32_t phase = 0; phase < result.count; ++phase) {
    result.begin[phase] = result.total;
    result.total += result.rows[phase];
  }
  return result;
}

Inside inside(int64_t shift, int64_t stride, int64_t width, int32_t count) {
  const int64_t begin = shift >= 0 ? 0 : quotient_up(-shift, stride);
  const int64_t end = shift >= width ? 0 : quotient_up(width - shift, stride);
  const int32_t low = static_cast<int32_t>(begin < count ? begin : count);
  const int32_t high = static_cast<int32_t>(end < count ? end : count);
  return {low, high > low ? high : low, low * stride + shift};
}

int32_t row_copies(const Window& window, Method method) {
  if (method == Method::shifted) return window.kernel[1];
  const int32_t reach = (window.kernel[1] - 1) * window.dilation[1] + 1;  // phases beyond it are read by no column
  return window.stride[1] < reach ? window.stride[1] : reach;
}

int64_t row_floats(const Window& window, Method method, int32_t out_width) {
  const int64_t beyond = static_cast<int64_t>(window.kernel[1] - 1) * window.dilation[1] / window.stride[1];
  return method == Method::shifted ? out_width : out_width + beyond;
}

bool plan_conv(const Layer& layer, const Window& window, Extent in, Extent out, const Tiling& tiling, bool packs,
               Storage& storage, ConvPlan& plan, Message& error) {
  const int64_t window_size = static_cast<int64_t>(window.kernel[0]) * window.kernel[1];
  const bool by_rows = tiling.method != Method::columns;
  plan = {};
  plan.tiling = tiling;
  plan.read_together = packs ? sum_sets(tiling.vectors) : 1;
  plan.window = window;
  plan.in = in;
  plan.out = out;
  plan.group_rows = layer.weights.rows / layer.group;
  plan.group_channels = layer.channels / layer.group;
  plan.strip_floats = tiling.vectors * tiling.lanes;
  plan.strips = 1;
  if (by_rows) {
    plan.phases = phases(window, tiling.rows);
    plan.strips = static_cast<int32_t>(quotient_up((tiling.rows - 1) * tiling.pitch + out.width, plan.strip_floats));
    plan.copies = row_copies(window, tiling.method);
    plan.copy_floats = plan.phases.total * tiling.pitch;
  }
  plan.item_floats =
      by_rows ? static_cast<int32_t>(round_up(plan.copy_floats * plan.copies, tiling.lanes)) : plan.strip_floats;
  const int64_t items = by_rows ? plan.group_channels : plan.group_channels * window_size;
  const int64_t positions = static_cast<int64_t>(out.height) * out.width;
  const int64_t blocks = quotient_up(items, tiling.block);
  if (items > INT32_MAX || blocks * layer.weights.rows >= INT32_MAX) {
    error << "its window or its image is too large";
    return false;
  }
  plan.items = static_cast<int32_t>(items);
  plan.blocks = static_cast<int32_t>(blocks);
  const int64_t held = by_rows ? tiling.rows : plan.strip_floats;
  plan.tiles = static_cast<int32_t>(quotient_up(by_rows ? out.height : positions, held));
  plan.bias = layer.bias;
  plan.activation = layer.activation;
  Inside* parts = storage.take<Inside>(plan.copies);
  if (!storage.measuring()) place_copies(plan, parts);
  plan.parts = parts;
  int32_t* starts = storage.take<int32_t>(blocks * layer.weights.rows + 1);
  const int64_t most = layer.weights.nnz + blocks * layer.weights.rows * (plan.read_together - 1);
  if (most > INT32_MAX) {
    error << "it has too many nonzeros";
    return false;
  }
  uint16_t* offsets = storage.take<uint16_t>(most);
  float* values = storage.take<float>(most);
  if (!storage.measuring()) pack(layer.weights, plan, starts, offsets, values);
  plan.starts = starts;
  plan.offsets = offsets;
  plan.values = values;
  return true;
}

}  // namespace lth
