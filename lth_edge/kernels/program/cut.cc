#include "cut.h"

namespace lth {
namespace {

// What packing a float costs in multiply-adds, and what finishing and writing one does.
constexpr double packing = 4, writing = 2;
// Whole tiles for each thread that make up for one that another thread finishes late.
constexpr int32_t tiles_each = 4;
constexpr int32_t least_rows = 8;
// A nonzero takes as long as if it met so many positions, however few they are: its weight has to come all the same.
constexpr int32_t least_floats = 16;
// Packing a tile again in each thread costs less than handing its blocks from one to another, up to this share of the
// thread's work.
constexpr double packed_again = 0.25;

double multiply_adds(const Layer& layer, const ConvPlan& plan) {
  const double each = static_cast<double>(layer.weights.nnz) + writing * layer.weights.rows;
  const int32_t floats = plan.strip_floats < least_floats ? least_floats : plan.strip_floats;
  return each * plan.strips * floats * plan.tiles;
}

double packing_of_tile(const ConvPlan& plan) { return packing * plan.items * plan.item_floats; }

bool shares(const Layer& layer, const ConvPlan& plan, int32_t threads) {
  if (layer.group > 1 || plan.tiles >= threads) return false;
  const double again = packing_of_tile(plan) * (1.0 - static_cast<double>(plan.tiles) / threads);
  return again > packed_again * multiply_adds(layer, plan) / threads;
}

}  // namespace

int32_t chunks_for(double multiply_adds, int32_t units, int32_t threads) {
  if (threads <= 1) return 1;
  const double worth = multiply_adds / grain;
  const int32_t most = tiles_each * threads < most_chunks ? tiles_each * threads : most_chunks;
  const int32_t wanted = worth < 1 ? 1 : worth > most ? most : static_cast<int32_t>(worth);
  return wanted < units ? wanted : units;
}

Cut cut_for(const Layer& layer, const ConvPlan& plan, int32_t threads) {
  const double work = multiply_adds(layer, plan) + layer.group * packing_of_tile(plan) * plan.tiles;
  const int32_t most = layer.group > 1 ? layer.group : layer.weights.rows / least_rows;
  if (threads <= 1 || work < 2 * grain || most < 2 || plan.tiles >= tiles_each * threads)
    return {1, chunks_for(work, plan.tiles, threads), false};
  // As many slices as threads: each of these then gets as much work as every other.
  const int32_t slices = threads < most ? threads : most;
  const int32_t units = plan.tiles * slices, chunks = chunks_for(work, units, threads);
  return {slices, chunks < threads ? chunks : threads, shares(layer, plan, threads)};
}

int32_t slice_rows(const Layer& layer, int32_t slices) {
  const int32_t unit = layer.group > 1 ? layer.weights.rows / layer.group : 1;
  return static_cast<int32_t>(quotient_up(layer.weights.rows / unit, slices)) * unit;
}

int32_t chunk_rows(const Layer& layer, const ConvPlan& plan, const Cut& cut) {
  const int64_t units = quotient_up(static_cast<int64_t>(plan.tiles) * cut.slices, cut.chunks);
  const int64_t rows = static_cast<int64_t>(slice_rows(layer, cut.slices)) * (units < cut.slices ? units : cut.slices);
  return rows < layer.weights.rows ? static_cast<int32_t>(rows) : layer.weights.rows;
}

}  // namespace lth
