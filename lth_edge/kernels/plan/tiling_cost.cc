#include "tiling_cost.h"

namespace lth {
namespace {

// From 0 at `low` to 1 at `high`.
double between(double x, double low, double high) {
  return x <= low ? 0.0 : x >= high ? 1.0 : (x - low) / (high - low);
}

// Of one channel, by rows.
double rows_copy_cost(const TilingTask& task, const Tiling& tiling) {
  const Machine& machine = task.machine;
  const int32_t stride = task.window.stride[1];
  const int32_t total = phases(task.window, tiling.rows).total;
  const double across = static_cast<double>(quotient_up(tiling.pitch, machine.lanes));
  const bool masked = machine.masks && stride <= 2 && (machine.masked_stores || tiling.pitch % machine.lanes == 0);
  double rows = total * (10.0 + 2.0 * across);
  if (masked) rows = total * across * (stride == 1 ? 4.0 : 8.4);
  if (machine.masks && are_narrow(task.window, task.in, tiling.pitch, machine.lanes))
    rows = 4.0 * static_cast<double>(quotient_up(static_cast<int64_t>(total) * tiling.pitch, machine.lanes));
  return row_copies(task.window, tiling.method) * (5.0 + rows);
}

// Of one channel or column.
double copy_cost(const TilingTask& task, const Tiling& tiling) {
  if (!task.packs) return 0.0;
  if (tiling.method != Method::columns) return rows_copy_cost(task, tiling);
  const Window& window = task.window;
  const bool dense = window.stride[0] == 1 && window.stride[1] == 1;
  if (dense && window.kernel[0] * window.kernel[1] == 1) return 4.0 + 12.0 * tiling.vectors;  // from afar, mostly
  if (task.machine.masks && dense && task.in.width == task.out.width) return 6.0 + 6.0 * tiling.vectors;
  const double rows = static_cast<double>(tiling.vectors) * task.machine.lanes / task.out.width;
  return 10.0 + (rows < 1.0 ? 1.0 : rows) *
                    (25.0 + 2.6 * static_cast<double>(quotient_up(task.out.width, task.machine.lanes)));
}

// Floats of a channel or column that one strip reads: what should stay in the nearest cache.
double near_floats(const TilingTask& task, const Tiling& tiling) {
  if (tiling.method == Method::columns) return static_cast<double>(tiling.vectors) * task.machine.lanes;
  const int32_t strip = tiling.vectors * task.machine.lanes;
  const int64_t held = quotient_up(strip, tiling.pitch) + (strip % tiling.pitch == 0 ? 0 : 1);
  const int32_t rows = held < tiling.rows ? static_cast<int32_t>(held) : tiling.rows;
  return static_cast<double>(phases(task.window, rows).total) * tiling.pitch * row_copies(task.window, tiling.method);
}

// A kernel writes its sums itself where all of them are output positions, or where it can mask those that are not.
bool written_apart(const TilingTask& task, const Tiling& tiling, double strips) {
  if (tiling.method == Method::columns) return false;
  const int32_t lanes = task.machine.lanes;
  const bool packed = tiling.pitch == task.out.width;
  if (packed && tiling.rows * tiling.pitch % (tiling.vectors * lanes) == 0) return false;
  return !task.machine.masked_stores || strips > 1 || (!packed && tiling.pitch % lanes != 0);
}

// How much longer loads take where what they read fills more than the nearest cache.
double farther(double near) { return 1.0 + 0.3 * between(near, 0.8, 1.4) + 0.8 * between(near, 1.4, 3.4); }

// Share of a vector's loads that a cache line's end cuts in two.
double split_loads(const TilingTask& task, const Tiling& tiling) {
  if (tiling.method == Method::columns) return 0.0;
  const int32_t lanes = task.machine.lanes;
  const double cut = (lanes - 1) / 16.0, down = 1.0 - 1.0 / task.window.kernel[0];
  if (tiling.method == Method::rows) return cut * (tiling.pitch % lanes == 0 ? 1.0 - 1.0 / task.window.kernel[1] : 1.0);
  return tiling.pitch % lanes == 0 ? 0.0 : cut * (lanes % tiling.pitch == 0 ? 0.7 * down : 0.8);
}

}  // namespace

int64_t tiling_items(const TilingTask& task, Method method) {
  const int64_t channels = task.layer.channels / task.layer.group;
  return method == Method::columns ? channels * task.window.kernel[0] * task.window.kernel[1] : channels;
}

int64_t tiling_item_floats(const TilingTask& task, const Tiling& tiling) {
  if (tiling.method == Method::columns) return static_cast<int64_t>(tiling.vectors) * task.machine.lanes;
  const int64_t copy = static_cast<int64_t>(phases(task.window, tiling.rows).total) * tiling.pitch;
  const int64_t lanes = task.machine.lanes;
  return round_up(copy * row_copies(task.window, tiling.method), lanes);
}

// The constants were fitted to timings of every tiling of the layers of the benchmark's models; only their ratios
// matter.
double tiling_cost(const TilingTask& task, const Tiling& tiling) {
  const Machine& machine = task.machine;
  const int64_t positions = static_cast<int64_t>(task.out.height) * task.out.width;
  const bool by_rows = tiling.method != Method::columns;
  const int64_t strip_floats = static_cast<int64_t>(tiling.vectors) * machine.lanes;
  const int64_t tile_floats = (tiling.rows - int64_t{1}) * tiling.pitch + task.out.width;
  const double strips = by_rows ? static_cast<double>(quotient_up(tile_floats, strip_floats)) : 1;
  const double tiles =
      static_cast<double>(by_rows ? quotient_up(task.out.height, tiling.rows) : quotient_up(positions, strip_floats));
  const int64_t items = tiling_items(task, tiling.method);
  const double blocks = static_cast<double>(quotient_up(items, tiling.block));
  const double held = static_cast<double>(tiling.block < items ? tiling.block : items);
  const double near = 4.0 * near_floats(task, tiling) * held / machine.l1_bytes;
  const double load = 0.67 * (1.0 + 0.8 * split_loads(task, tiling)) * farther(near);
  const double nonzero = 0.78 + load * tiling.vectors;
  const double pieces = blocks * task.layer.weights.rows;
  const double filled = task.packs ? (sum_sets(tiling.vectors) - 1) / 2.0 * pieces : 0.0;
  const double sums = pieces * (3.75 + 2.5 * tiling.vectors) +
                      (written_apart(task, tiling, strips) ? task.layer.weights.rows * 6.7 * tiling.vectors : 0.0);
  const double slab = 4.0 * held * static_cast<double>(tiling_item_floats(task, tiling)) / machine.l1_bytes;
  const double copied = static_cast<double>(items) * copy_cost(task, tiling) * (1.0 + 0.6 * between(slab, 0.8, 2.0));
  const double packing = task.layer.group * (60.0 * blocks + copied);
  return tiles * (strips * ((static_cast<double>(task.layer.weights.nnz) + filled) * nonzero + sums) + packing);
}

bool choose_block(const TilingTask& task, Tiling& tiling, double& cost) {
  const int64_t items = tiling_items(task, tiling.method), floats = tiling_item_floats(task, tiling);
  const int64_t room = floats > 0 ? most_slab_floats / floats : 0;
  bool found = false;
  Tiling candidate = tiling;
  for (int64_t blocks = 1; blocks <= items; blocks += 1 + blocks / 8) {
    const int64_t block = quotient_up(items, blocks);
    if (block > room) continue;
    candidate.block = static_cast<int32_t>(block);
    const double estimate = tiling_cost(task, candidate);
    if (found && estimate >= cost) continue;
    found = true;
    cost = estimate;
    tiling = candidate;
  }
  return found;
}

}  // namespace lth
