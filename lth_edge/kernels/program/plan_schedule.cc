#include "schedule.h"

#include "../plan/choose_tokens.h"
#include "../plan/geometry.h"
#include "pooled.h"

namespace lth {
namespace {

int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

const int64_t* tuning_of(const Program& program, int32_t layer) {
  return program.tuning == nullptr ? nullptr : program.tuning + 3 * layer;
}

bool plan_image_layer(const Program& program, int32_t index, Extent in, Extent out, Storage& storage, LayerPlan& plan,
                      Schedule& schedule, Message& error) {
  const Layer& layer = program.chain.layers[index];
  const Window window = resolved(layer.window, in);
  const Machine& machine = program.set->machine;
  if (keeps_channels_apart(layer, in)) {
    if (layer.kind == LayerKind::convolution)
      plan_depthwise(layer, window, in, out, machine.lanes, storage, plan.depthwise);
    else plan.pool = plan_pool(layer, window, in, out, machine.lanes, storage);
    return true;
  }
  const Tiling tiling = choose_tiling(layer, window, in, out, machine, tuning_of(program, index));
  if (!plan_conv(layer, window, in, out, tiling, true, storage, plan.conv, error)) return false;
  schedule.scratch_floats = larger(schedule.scratch_floats, scratch_floats(plan.conv, layer.weights.rows));
  return true;
}

bool plan_images(const Program& program, Storage& storage, Schedule& schedule, Message& error) {
  const Chain& chain = program.chain;
  schedule.value_floats = place_values(chain, schedule.extents, true, schedule.places);
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    const Extent in = schedule.extents[chain.layers[i].source], out = schedule.extents[chain.activation_count + i];
    if (!plan_image_layer(program, i, in, out, storage, schedule.layers[i], schedule, error)) return false;
  }
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    LayerPlan& plan = schedule.layers[i];
    plan.pooled = are_pooled(program, schedule, i);
    if (!plan.pooled) continue;
    const Layer& layer = chain.layers[i];
    const int64_t needed = band_floats(layer, plan.conv) + scratch_floats(plan.conv, layer.weights.rows);
    schedule.scratch_floats = larger(schedule.scratch_floats, needed);
  }
  return true;
}

bool is_single(const Chain& chain, const Extent* activations) { return chain.linear && activations[0].width == 1; }

bool plan_single(const Program& program, Storage& storage, Schedule& schedule, Message& error) {
  const Chain& chain = program.chain;
  schedule.value_floats = place_values(chain, schedule.extents, true, schedule.places);
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    LayerPlan& plan = schedule.layers[i];
    if (storage.measuring()) choose_vector(chain.layers[i], program.set->machine, plan.vector);
    if (!plan_vector(chain.layers[i], storage, plan.vector, error)) return false;
    schedule.scratch_floats = larger(schedule.scratch_floats, scratch_floats(plan.vector));
  }
  return true;
}

bool plan_tokens(const Program& program, Storage& storage, Schedule& schedule, Message& error) {
  const Chain& chain = program.chain;
  const int32_t tokens = schedule.extents[0].width, values = chain.activation_count + chain.layer_count;
  const Machine& machine = program.set->machine;
  const int32_t vectors = choose_token_vectors(chain, tokens, machine);
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    const Layer& layer = chain.layers[i];
    const Extent in = {layer.channels, 1, tokens}, out = {layer.weights.rows, 1, tokens};
    const Tiling tiling = choose_token_tiling(layer, tokens, vectors, machine);
    if (!plan_conv(layer, layer.window, in, out, tiling, false, storage, schedule.layers[i].conv, error)) return false;
  }
  Extent* const tile = storage.take<Extent>(values);
  if (tile == nullptr) return true;
  for (int32_t value = 0; value < values; ++value) tile[value] = tile_extent(schedule, value);
  schedule.value_floats = place_values(chain, tile, false, schedule.places);
  return true;
}

bool plan_layers(const Program& program, Storage& storage, Schedule& schedule, Message& error) {
  if (!program.chain.linear) return plan_images(program, storage, schedule, error);
  return is_single(program.chain, schedule.extents) ? plan_single(program, storage, schedule, error)
                                                    : plan_tokens(program, storage, schedule, error);
}

// The arrays whose sizes are known before anything is planned.
void take_arrays(const Program& program, const Extent* activations, Storage& storage, Schedule& schedule) {
  const Chain& chain = program.chain;
  const int32_t values = chain.activation_count + chain.layer_count;
  schedule.extents = storage.take<Extent>(values);
  schedule.places = storage.take<int64_t>(values);
  schedule.layers = storage.take<LayerPlan>(chain.layer_count);
  for (int32_t i = 0; is_single(chain, activations) && i < chain.layer_count; ++i) {
    VectorPlan* const plan = storage.measuring() ? nullptr : &schedule.layers[i].vector;
    take_vector_arrays(chain.layers[i], program.set->machine, storage, plan);
  }
}

void* allocate(Host* host, const Storage& measured, Message& error) {
  void* memory = host->allocate(host, measured.bytes());
  if (memory == nullptr) error << "there is no memory left for " << static_cast<int64_t>(measured.bytes()) << " bytes";
  return memory;
}

bool fill_schedule(const Program& program, Host* host, const Extent* activations, Schedule& schedule, Message& error) {
  Storage arrays_size;
  take_arrays(program, activations, arrays_size, schedule);
  schedule.arrays = allocate(host, arrays_size, error);
  if (schedule.arrays == nullptr) return false;
  Storage arrays(schedule.arrays);
  take_arrays(program, activations, arrays, schedule);
  Storage packed_size;
  if (!infer_extents(program.chain, activations, schedule.extents, error) ||
      !plan_layers(program, packed_size, schedule, error))
    return false;
  schedule.packed = allocate(host, packed_size, error);
  if (schedule.packed == nullptr) return false;
  Storage packed(schedule.packed);
  return plan_layers(program, packed, schedule, error);
}

}  // namespace

bool keeps_channels_apart(const Layer& layer, Extent in) {
  return layer.kind != LayerKind::convolution || is_depthwise(layer, in);
}

bool make_schedule(const Program& program, Host* host, const Extent* activations, Schedule& schedule, Message& error) {
  schedule = {};
  if (fill_schedule(program, host, activations, schedule, error)) return true;
  free_schedule(host, schedule);
  return false;
}

void free_schedule(Host* host, Schedule& schedule) {
  if (schedule.packed != nullptr) host->release(host, schedule.packed);
  if (schedule.arrays != nullptr) host->release(host, schedule.arrays);
  schedule = {};
}

}  // namespace lth
