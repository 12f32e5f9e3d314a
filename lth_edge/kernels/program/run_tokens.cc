// A chain of linear layers over many tokens: a tile of tokens goes through all layers before the next one.
#include "../measure/mark.h"
#include "run_chunks.h"

namespace lth {
namespace {

void run_tile(const Program& program, const Schedule& schedule, const Call& call, int32_t tile, float* values) {
  const Chain& chain = program.chain;
  const InstructionSet& set = *program.set;
  const int32_t tile_floats = schedule.layers[0].conv.strip_floats;
  const int64_t first = static_cast<int64_t>(tile) * tile_floats;
  const int64_t left = call.extents[0].width - first;
  const int32_t count = static_cast<int32_t>(left < tile_floats ? left : tile_floats);
  const auto channels = [&](int32_t value) { return schedule.extents[value].channels; };
  LTH_MARK(pack);
  for (int32_t i = 0; i < chain.activation_count; ++i)
    set.gather_tokens(call.activations[i] + first * channels(i), count, channels(i), tile_floats,
                      values + schedule.places[i]);
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    LTH_MARK(layer, i);
    const Layer& layer = chain.layers[i];
    const float* residual = layer.residual < 0 ? nullptr : values + schedule.places[layer.residual];
    set.multiply_tokens(schedule.layers[i].conv, values + schedule.places[layer.source], residual,
                        values + schedule.places[chain.activation_count + i]);
  }
  LTH_MARK(finish);
  for (int32_t i = 0; i < chain.output_count; ++i) {
    const int32_t value = chain.outputs[i];
    set.scatter_tokens(values + schedule.places[value], tile_floats, count, channels(value),
                       call.outputs[i] + first * channels(value));
  }
}

}  // namespace

bool run_tokens(const Program& program, const Schedule& schedule, const Call& call) {
  Storage size;
  size.take<float>(schedule.value_floats);
  void* const memory = call.host->allocate(call.host, size.bytes());
  if (memory == nullptr) return false;
  Storage storage(memory);
  float* const values = storage.take<float>(schedule.value_floats);
  const auto compute = [&](int32_t begin, int32_t end, float* scratch) {
    for (int32_t tile = begin; tile < end; ++tile) run_tile(program, schedule, call, tile, scratch);
  };
  const int32_t tokens = call.extents[0].width, tile = schedule.layers[0].conv.strip_floats;
  const int32_t tiles = static_cast<int32_t>(quotient_up(tokens, tile));
  double work = 0;
  for (int32_t i = 0; i < program.chain.layer_count; ++i)
    work += static_cast<double>(program.chain.layers[i].weights.nnz) * tokens;
  const bool done =
      run_chunks(program, call.host, chunks_of(program, work, tiles), tiles, schedule.value_floats, values, compute);
  LTH_MARK(operate);
  call.host->release(call.host, memory);
  return done;
}

}  // namespace lth
