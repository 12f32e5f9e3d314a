// A chain of linear layers over one token.
#include "run_chunks.h"

namespace lth {
namespace {

constexpr int32_t rows_together = 16;  // of a unit of work: their outputs are a cache line

bool run_layer(const Program& program, const Schedule& schedule, const Call& call, float* values, float* x,
               int32_t index) {
  const Layer& layer = program.chain.layers[index];
  const LayerPlan& plan = schedule.layers[index];
  const auto at = [&](int32_t value) { return value_at(program, schedule, call, values, value, 0); };
  program.set->spread(plan.vector, at(layer.source), x);
  const float* const residual = layer.residual < 0 ? nullptr : at(layer.residual);
  float* const out = at(program.chain.activation_count + index);
  const int32_t rows = plan.vector.rows;
  if (plan.cut.chunks <= 1) {
    program.set->multiply_vector(plan.vector, x, residual, out, 0, rows);
    return true;
  }
  const auto compute = [&](int32_t unit, float*) {
    const int32_t begin = unit * rows_together, end = rows - begin < rows_together ? rows : begin + rows_together;
    program.set->multiply_vector(plan.vector, x, residual, out, begin, end);
  };
  const int32_t units = (rows + rows_together - 1) / rows_together;
  return run_chunks(call.host, plan.cut.chunks < units ? plan.cut.chunks : units, units, 0, x, compute);
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
  float* const x = storage.take<float>(schedule.scratch_floats);
  bool done = true;
  for (int32_t i = 0; done && i < program.chain.layer_count; ++i)
    done = run_layer(program, schedule, call, values, x, i);
  call.host->release(call.host, memory);
  return done;
}

}  // namespace lth
