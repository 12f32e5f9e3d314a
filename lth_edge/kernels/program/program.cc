// A chain made ready to run, and its runs.
#include "../cpu/choose.h"
#include "schedule.h"

namespace lth {
namespace {

Program* lay_out(Storage& storage, const Chain& chain, const int64_t* tuning) {
  Program* const program = storage.take<Program>(1);
  Layer* const layers = storage.take<Layer>(chain.layer_count);
  int32_t* const outputs = storage.take<int32_t>(chain.output_count);
  Extent* const expected = storage.take<Extent>(chain.activation_count);
  int64_t* const tuned = storage.take<int64_t>(tuning == nullptr ? 0 : 3 * chain.layer_count);
  if (program == nullptr) return nullptr;
  *program = {};
  program->chain = chain;
  program->chain.layers = layers;
  program->chain.outputs = outputs;
  program->expected = expected;
  for (int32_t i = 0; i < chain.layer_count; ++i) layers[i] = chain.layers[i];
  for (int32_t i = 0; i < chain.output_count; ++i) outputs[i] = chain.outputs[i];
  for (int32_t i = 0; tuning != nullptr && i < 3 * chain.layer_count; ++i) tuned[i] = tuning[i];
  program->tuning = tuning == nullptr ? nullptr : tuned;
  return program;
}

bool known(const Program& program) {
  for (int32_t i = 0; i < program.chain.activation_count; ++i)
    if (program.expected[i].height < 1 || program.expected[i].width < 1) return false;
  return true;
}

Program* create_for(const InstructionSet& set, Host* host, const Chain& chain, const Extent* expected,
                    const int64_t* tuning, Message& error) {
  Storage size;
  lay_out(size, chain, tuning);
  void* const memory = host->allocate(host, size.bytes());
  if (memory == nullptr) {
    error << "there is no memory left for " << static_cast<int64_t>(size.bytes()) << " bytes";
    return nullptr;
  }
  Storage storage(memory);
  Program* const program = lay_out(storage, chain, tuning);
  program->memory = memory;
  program->set = &set;
  for (int32_t i = 0; i < chain.activation_count; ++i) program->expected[i] = expected[i];
  program->prepared = known(*program);
  if (!program->prepared || make_schedule(*program, host, expected, program->schedule, error)) return program;
  host->release(host, memory);
  return nullptr;
}

bool too_large(const Program& program, const Schedule& schedule, const Call& call) {
  const Chain& chain = program.chain;
  for (int32_t value = 0; value < chain.activation_count + chain.layer_count; ++value) {
    Extent extent = schedule.extents[value];
    if (chain.linear) extent.width = call.extents[0].width;
    const bool outside = value < chain.activation_count || output_of(chain, value) >= 0;
    if (outside && call.batch > INT32_MAX / floats(extent)) return true;
  }
  return false;
}

bool run_with(const Program& program, const Schedule& schedule, const Call& call, Message& error) {
  if (too_large(program, schedule, call)) {
    error << "a batch of " << call.batch << " has 2^31 elements or more";
    return false;
  }
  const bool images = !program.chain.linear;
  const bool done = images                       ? run_images(program, schedule, call)
                    : call.extents[0].width == 1 ? run_vector(program, schedule, call)
                                                 : run_tokens(program, schedule, call);
  if (!done) error << "there is no memory left to run in";
  return done;
}

}  // namespace

Program* create(Host* host, const Chain& chain, const Extent* expected, const int64_t* tuning, Message& error) {
  return create_for(best_set(), host, chain, expected, tuning, error);
}

Program* create_with(const char* set, Host* host, const Chain& chain, const Extent* expected, const int64_t* tuning,
                     Message& error) {
  const InstructionSet* const found = named_set(set);
  if (found != nullptr) return create_for(*found, host, chain, expected, tuning, error);
  error << "this CPU cannot run the instruction set " << set;
  return nullptr;
}

void destroy(Host* host, Program* program) {
  free_kept_schedules(*program, host);
  free_schedule(host, program->schedule);
  host->release(host, program->memory);
}

bool output_extents(const Program* program, const Extent* activations, Extent* outputs, Message& error) {
  const Chain& chain = program->chain;
  if (program->prepared && made_for(chain, program->schedule, activations)) {
    for (int32_t i = 0; i < chain.output_count; ++i) outputs[i] = program->schedule.extents[chain.outputs[i]];
    return true;
  }
  Extent extents[most_values];
  if (!infer_extents(chain, activations, extents, error)) return false;
  for (int32_t i = 0; i < chain.output_count; ++i) outputs[i] = extents[chain.outputs[i]];
  return true;
}

bool run(const Program* program, Host* host, int64_t batch, const Extent* extents, const float* const* activations,
         float* const* outputs, Message& error) {
  const Call call = {host, batch, extents, activations, outputs};
  if (batch == 0 || extents[0].width == 0) return true;
  const Schedule* const schedule = find_schedule(*program, host, extents, error);
  if (schedule == nullptr) return false;
  const bool done = run_with(*program, *schedule, call, error);
  release_schedule(*program, host, schedule);
  return done;
}

}  // namespace lth
