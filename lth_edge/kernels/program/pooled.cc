#include "pooled.h"

#include "../layers/rounding.h"

namespace lth {
namespace {

constexpr int64_t far_floats = 256 * 1024;  // a megabyte: more than second-level caches like to hold beside the rest
constexpr int32_t least_rows = 4;

bool is_read_by(const Chain& chain, int32_t value, int32_t only) {
  if (output_of(chain, value) >= 0) return false;
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    const Layer& layer = chain.layers[i];
    if (layer.residual == value || (layer.source == value) != (i == only)) return false;
  }
  return true;
}

}  // namespace

bool are_pooled(const Program& program, const Schedule& schedule, int32_t index) {
  const Chain& chain = program.chain;
  if (index + 1 >= chain.layer_count || chain.layers[index + 1].kind != LayerKind::max_pool) return false;
  const Layer& layer = chain.layers[index];
  const int32_t value = chain.activation_count + index;
  if (keeps_channels_apart(layer, schedule.extents[layer.source]) || layer.residual >= 0) return false;
  if (!is_read_by(chain, value, index + 1) || floats(schedule.extents[value]) < far_floats) return false;
  const PoolPlan& pool = schedule.layers[index + 1].pool;
  const bool by_rows = schedule.layers[index].conv.tiling.method != Method::columns;
  return by_rows && halves(pool) && pool.in.width % program.set->machine.lanes == 0;
}

Band band_of(const ConvPlan& plan) {
  Band band = {};
  band.lead = plan.tiling.rows;
  band.rows = static_cast<int32_t>(round_up(least_rows, plan.tiling.rows));
  band.plane = (band.lead + 2 * band.rows) * plan.out.width;
  return band;
}

int64_t band_floats(const Layer& layer, const ConvPlan& plan) {
  return static_cast<int64_t>(layer.weights.rows) * band_of(plan).plane;
}

}  // namespace lth
