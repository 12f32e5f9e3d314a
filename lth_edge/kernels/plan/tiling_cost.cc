#include "tiling_cost.h"

namespace lth {
namespace {

double rounded_up_quotient(double a, double b) { return static_cast<double>(static_cast<int64_t>((a + b - 1) / b)); }

// Of one channel or column.
double copy_cost(const TilingTask& task, const Tiling& tiling) {
  if (!task.packs) return 0.0;
  const int32_t lanes = task.machine.lanes;
  const bool whole = task.window.stride[1] == 1 && tiling.pitch % lanes == 0 && tiling.method == Method::shifted;
  const double step = task.window.stride[1] == 1 ? 1.2 : 2.6;
  const double row = (whole ? 2.5 : 5.0) + step * ((task.out.width + lanes - 1) / lanes);
  if (tiling.method != Method::columns)
    return row_copies(task.window, tiling.method) * (10.0 + phases(task.window, tiling.rows).total * row);
  const double rows = static_cast<double>(tiling.vectors) * lanes / task.out.width;
  const bool run = task.window.kernel[0] * task.window.kernel[1] == 1 && task.window.stride[1] == 1;
  return run ? 4.0 + 1.2 * tiling.vectors : 10.0 + (rows < 1.0 ? 1.0 : rows) * (row + 15.0);
}

// Floats of a channel or column that one strip reads: what should stay in the nearest cache.
double near_floats(const TilingTask& task, const Tiling& tiling) {
  if (tiling.method == Method::columns) return static_cast<double>(tiling.vectors) * task.machine.lanes;
  const int32_t strip = tiling.vectors * task.machine.lanes;
  const int32_t held = (strip + tiling.pitch - 1) / tiling.pitch + (strip % tiling.pitch == 0 ? 0 : 1);
  const int32_t rows = held < tiling.rows ? held : tiling.rows;
  return static_cast<double>(phases(task.window, rows).total) * tiling.pitch * row_copies(task.window, tiling.method);
}

// A kernel writes its sums itself where all of them are output positions.
bool written_apart(const TilingTask& task, const Tiling& tiling) {
  return tiling.method != Method::columns &&
         (tiling.pitch != task.out.width || tiling.rows * tiling.pitch % (tiling.vectors * task.machine.lanes) != 0);
}

// How much longer loads take where what they read fills more than the nearest cache.
double farther(double near) {
  return near <= 0.75 ? 1.0 : near <= 1.0 ? 1.05 : near <= 1.4 ? 1.12 : near <= 2.0 ? 1.35 : near <= 3.0 ? 1.9 : 2.3;
}

// Share of a vector's loads that a cache line's end cuts in two.
double split_loads(const TilingTask& task, const Tiling& tiling) {
  if (tiling.method == Method::columns) return 0.0;
  const double lanes = task.machine.lanes, cut = (lanes - 1) / 16;
  if (tiling.method == Method::shifted) return tiling.pitch % task.machine.lanes == 0 ? 0.0 : cut / 2;
  return task.window.kernel[1] == 1 && tiling.pitch % task.machine.lanes == 0 ? 0.0 : cut;
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
  return (copy * row_copies(task.window, tiling.method) + lanes - 1) / lanes * lanes;
}

// The constants were fitted to timings of every tiling of the layers of the benchmark's models; only their ratios
// matter.
double tiling_cost(const TilingTask& task, const Tiling& tiling) {
  const Machine& machine = task.machine;
  const double positions = static_cast<double>(task.out.height) * task.out.width;
  const bool by_rows = tiling.method != Method::columns;
  const double strip_floats = static_cast<double>(tiling.vectors) * machine.lanes;
  const double strips =
      by_rows ? rounded_up_quotient((tiling.rows - 1.0) * tiling.pitch + task.out.width, strip_floats) : 1;
  const double tiles =
      by_rows ? (task.out.height + tiling.rows - 1) / tiling.rows : rounded_up_quotient(positions, strip_floats);
  const int64_t items = tiling_items(task, tiling.method);
  const double blocks = static_cast<double>((items + tiling.block - 1) / tiling.block);
  const double near =
      4.0 * near_floats(task, tiling) * (tiling.block < items ? tiling.block : items) / machine.l1_bytes;
  const double load = 0.52 * (1.0 + split_loads(task, tiling)) * farther(near);
  const double nonzero = 1.0 + load * tiling.vectors;
  const double kept = blocks * task.layer.weights.rows * (6.0 + (blocks > 1 ? 1.6 : 1.0) * tiling.vectors);
  const double copied = written_apart(task, tiling) ? task.layer.weights.rows * 2.0 * tiling.vectors : 0.0;
  const double sums = kept + copied;
  const double packing = task.layer.group * (60.0 + static_cast<double>(items) * copy_cost(task, tiling));
  return tiles * (strips * (static_cast<double>(task.layer.weights.nnz) * nonzero + sums) + packing);
}

bool choose_block(const TilingTask& task, Tiling& tiling, double& cost) {
  const int64_t items = tiling_items(task, tiling.method), floats = tiling_item_floats(task, tiling);
  const int64_t room = floats > 0 ? most_slab_floats / floats : 0;
  bool found = false;
  Tiling candidate = tiling;
  for (int64_t block = items < room ? items : room; block >= 1; block = block > 8 ? block / 2 : block - 1) {
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
