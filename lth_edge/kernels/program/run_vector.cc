// A chain of linear layers over one token.
#include "../measure/mark.h"
#include "run_chunks.h"

namespace lth {
namespace {

// Runs of small chains take the host's memory less time to find than to compute.
constexpr size_t stack_bytes = 16 * 1024;

// What a nonzero costs in multiply-adds, as its input is looked up.
constexpr double lookup = 4;

bool multiply(const Program& program, const Call& call, const Layer& layer, const VectorPlan& plan, const float* x,
              float* scratch) {
  const int32_t units = units_of(plan);
  const auto compute = [&](int32_t begin, int32_t end, float*) {
    LTH_MARK(multiply);
    program.set->multiply_vector(plan, x, scratch, begin, end);
  };
  const int32_t chunks = chunks_of(program, lookup * static_cast<double>(layer.weights.nnz), units);
  return run_chunks(program, call.host, chunks, units, 0, scratch, compute);
}

bool run_layer(const Program& program, const Schedule& schedule, const Call& call, float* values, float* scratch,
               int32_t index) {
  LTH_MARK(layer, index);
  const Layer& layer = program.chain.layers[index];
  const LayerPlan& plan = schedule.layers[index];
  const auto at = [&](int32_t value) { return value_at(program, schedule, call, values, value, 0); };
  const float* const x = at(layer.source);
  LTH_MARK(pack);
  if (spread_floats(plan.vector) > 0) program.set->spread(plan.vector, x, scratch);
  if (!multiply(program, call, layer, plan.vector, x, scratch)) return false;
  LTH_MARK(finish);
  const float* const residual = layer.residual < 0 ? nullptr : at(layer.residual);
  program.set->finish_vector(plan.vector, scratch, residual, at(program.chain.activation_count + index));
  return true;
}

bool run_layers(const Program& program, const Schedule& schedule, const Call& call, Storage storage) {
  float* const values = storage.take<float>(schedule.value_floats);
  float* const scratch = storage.take<float>(schedule.scratch_floats);
  bool done = true;
  for (int32_t i = 0; done && i < program.chain.layer_count; ++i)
    done = run_layer(program, schedule, call, values, scratch, i);
  LTH_MARK(operate);
  return done;
}

}  // namespace

bool run_vector(const Program& program, const Schedule& schedule, const Call& call) {
  Storage size;
  size.take<float>(schedule.value_floats);
  size.take<float>(schedule.scratch_floats);
  if (size.bytes() <= stack_bytes) {
    char memory[stack_bytes];
    return run_layers(program, schedule, call, Storage(memory));
  }
  void* const memory = call.host->allocate(call.host, size.bytes());
  if (memory == nullptr) return false;
  const bool done = run_layers(program, schedule, call, Storage(memory));
  call.host->release(call.host, memory);
  return done;
}

}  // namespace lth
