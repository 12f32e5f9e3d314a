// The rule that picks a tiling: the least estimated time over all that fit, from shape, density and instruction set
// alone.
#include "tiling_cost.h"

namespace lth {
namespace {

constexpr int64_t most_band_floats = 16384;  // with the sums, well inside the second-level cache

void keep_cheaper(const TilingTask& task, Tiling candidate, double& least, Tiling& best) {
  double cost = 0.0;
  if (!choose_block(task, candidate, cost) || cost >= least) return;
  least = cost;
  best = candidate;
}

// The tiling of some whole output rows; false where they do not fit into the registers.
bool rows_tiling(const TilingTask& task, Method method, int32_t rows, bool aligned, Tiling& tiling) {
  const int64_t lanes = task.machine.lanes, needed = row_floats(task.window, method, task.out.width);
  const bool many = task.window.stride[0] > most_phases || task.window.stride[1] > most_phases;
  if (many || rows > task.out.height || needed > task.machine.most_vectors * lanes + task.window.kernel[1])
    return false;
  const int64_t pitch = aligned ? round_up(needed, lanes) : needed;
  const int64_t vectors = quotient_up((rows - 1) * pitch + task.out.width, lanes);
  tiling = {method, task.machine.lanes, static_cast<int32_t>(vectors), rows, static_cast<int32_t>(pitch), 1};
  return vectors <= task.machine.most_vectors;
}

// A channel that is read by one row alone is packed in large bands of rows, computed strip by strip.
void try_bands(const TilingTask& task, double& least, Tiling& best) {
  const int32_t group_rows = task.layer.weights.rows / task.layer.group;
  const bool many = task.window.stride[0] > most_phases || task.window.stride[1] > most_phases;
  if (many || group_rows > finished_together || task.layer.group == 1 || task.out.width > most_band_floats) return;
  const int64_t pitch = row_floats(task.window, Method::rows, task.out.width);
  for (int32_t rows = task.out.height; rows >= 1; rows = rows > 1 ? (rows + 1) / 2 : 0) {
    if ((rows + 2) * pitch > most_band_floats) continue;
    const int64_t vectors = quotient_up((rows - 1) * pitch + task.out.width, task.machine.lanes);
    const int64_t strips = quotient_up(vectors, task.machine.most_vectors);
    const int32_t even = static_cast<int32_t>(quotient_up(vectors, strips));
    keep_cheaper(task, {Method::rows, task.machine.lanes, even, rows, static_cast<int32_t>(pitch), 1}, least, best);
  }
}

void try_rows(const TilingTask& task, double& least, Tiling& best) {
  if (task.window.kernel[0] * task.window.kernel[1] == 1 && task.window.stride[0] * task.window.stride[1] == 1) return;
  const Method methods[2] = {Method::shifted, Method::rows};
  for (Method method : methods) {
    for (int aligned = 0; aligned < 2; ++aligned) {
      Tiling tiling = {};
      for (int32_t rows = 1; rows_tiling(task, method, rows, aligned != 0, tiling); ++rows)
        keep_cheaper(task, tiling, least, best);
    }
  }
}

// Many rows are packed together and computed strip by strip: rows that two strips read are packed once.
void try_strips(const TilingTask& task, double& least, Tiling& best) {
  const int32_t lanes = task.machine.lanes, width = task.out.width;
  const bool many = task.window.stride[0] > most_phases || task.window.stride[1] > most_phases;
  if (many || width % lanes != 0 || task.window.kernel[0] == 1) return;
  for (int32_t strip_rows = 1; strip_rows * width <= task.machine.most_vectors * lanes; ++strip_rows) {
    for (int32_t rows = task.out.height; rows > strip_rows; rows = rows % 2 == 0 ? rows / 2 : 0) {
      if (rows % strip_rows != 0) continue;
      Tiling tiling = {Method::shifted, lanes, strip_rows * width / lanes, rows, width, 1};
      keep_cheaper(task, tiling, least, best);
    }
  }
}

void try_columns(const TilingTask& task, double& least, Tiling& best) {
  const int64_t positions = static_cast<int64_t>(task.out.height) * task.out.width;
  for (int32_t vectors = 1; vectors <= task.machine.most_vectors; ++vectors) {
    keep_cheaper(task, {Method::columns, task.machine.lanes, vectors, 0, 0, 1}, least, best);
    if (static_cast<int64_t>(vectors) * task.machine.lanes >= positions) break;
  }
}

// What `--tune` stored: (method, rows or vectors, block). Anything that does not fit is as good as nothing.
bool tuned(const TilingTask& task, const int64_t* tuning, Tiling& tiling) {
  if (tuning == nullptr || tuning[0] < 0 || tuning[0] > 2 || tuning[1] < 1 || tuning[2] < 1) return false;
  const Method method = static_cast<Method>(tuning[0]);
  if (method == Method::columns) {
    if (tuning[1] > task.machine.most_vectors) return false;
    tiling = {method, task.machine.lanes, static_cast<int32_t>(tuning[1]), 0, 0, 1};
  } else if (tuning[1] > task.out.height ||
             !rows_tiling(task, method, static_cast<int32_t>(tuning[1]), method == Method::shifted, tiling)) {
    return false;
  }
  double cost = 0.0;
  if (!choose_block(task, tiling, cost)) return false;
  if (tuning[2] < tiling.block) tiling.block = static_cast<int32_t>(tuning[2]);
  return true;
}

}  // namespace

Tiling choose_tiling(const Layer& layer, const Window& window, Extent in, Extent out, const Machine& machine,
                     const int64_t* tuning) {
  Machine narrow = machine;
  narrow.lanes = narrow_lanes;
  narrow.most_vectors = 1;
  narrow.masked_stores = false;
  const bool few = static_cast<int64_t>(out.height) * out.width <= narrow_lanes;
  const TilingTask task = {layer, window, in, out, few ? narrow : machine, true};
  Tiling best = {Method::columns, task.machine.lanes, 1, 0, 0, 1};
  if (tuned(task, tuning, best)) return best;
  double least = 1e300;
  try_rows(task, least, best);
  try_strips(task, least, best);
  try_bands(task, least, best);
  try_columns(task, least, best);
  return best;
}

}  // namespace lth
