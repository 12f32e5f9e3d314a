// A chain of linear layers over one token.
#include "run_chunks.h"

namespace lth {
namespace {

bool run_layer(const Program& program, const Schedule& schedule, const Call& call, float* values, float* spread,
               int32_t index) {
  const Layer& layer = program.chain.layers[index];
  const LayerPlan& plan = schedule.layers[index];
  const auto at = [&](int32_t value) { return value_at(program, schedule, call, values, value, 0); };
  const float* const x = at(layer.source);
  if (spread_floats(plan.vector) > 0) program.set->spread(plan.vector, x, spread);
  const float* const residual = layer.residual < 0 ? nullptr : at(layer.residual);
  float* const out = at(program.chain.activation_count + index);
  const int32_t units = (plan.vector.rows - 1) / unit_rows + 1;
  if (plan.cut.chunks <= 1) {
    program.set->multiply_vector(plan.vector, x, spread, residual, out, 0, units);
    return true;
  }
  const auto compute = [&](int32_t unit, float*) {
    program.set->multiply_vector(plan.vector, x, spread, residual, out, unit, unit + 1);
  };
  return run_chunks(call.host, plan.cut.chunks < units ? plan.cut.chunks : units, units, 0, spread, compute);
}

}  // namespace

bool run_vector(const Program& program, const Schedule& schedule, const Call& call) {
  Storage size;
  size.take<float>(schedule.value_floats);
  size.take<float>(schedule.scratch_floats);
  void* const memory = call.host->allocate(call.host, size.bytes());
  if (memory == nullptr) return false;
  Storage storage(memory);
  float* const values = storage.take<float>(schedule.value_floats);
  float* const spread = storage.take<float>(schedule.scratch_floats);
  bool done = true;
  for (int32_t i = 0; done && i < program.chain.layer_count; ++i)
    done = run_layer(program, schedule, call, values, spread, i);
  call.host->release(call.host, memory);
  return done;
}

}  // namespace lth
