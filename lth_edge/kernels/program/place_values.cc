// First fit: values are few, and a chain is placed once.
#include "../layers/rounding.h"
#include "schedule.h"

namespace lth {
namespace {

constexpr int64_t line = Storage::alignment / sizeof(float);

int64_t size_of(Extent extent) { return round_up(floats(extent), line); }

// Layers by number; activations are there before the first, outputs after the last.
int32_t first_use(const Chain& chain, int32_t value) {
  return value < chain.activation_count ? -1 : value - chain.activation_count;
}

void find_last_uses(const Chain& chain, int32_t* last) {
  const int32_t values = chain.activation_count + chain.layer_count;
  for (int32_t value = 0; value < values; ++value) last[value] = first_use(chain, value);
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    last[chain.layers[i].source] = i;
    if (chain.layers[i].residual >= 0) last[chain.layers[i].residual] = i;
  }
  for (int32_t i = 0; i < chain.output_count; ++i) last[chain.outputs[i]] = chain.layer_count;
}

}  // namespace

int64_t place_values(const Chain& chain, const Extent* extents, bool outside, int64_t* places) {
  int32_t last[most_values];
  find_last_uses(chain, last);
  const auto elsewhere = [&](int32_t value) {
    return outside && (value < chain.activation_count || last[value] == chain.layer_count);
  };
  int64_t total = 0;
  for (int32_t value = 0; value < chain.activation_count + chain.layer_count; ++value) {
    places[value] = 0;
    if (elsewhere(value)) continue;
    for (int32_t earlier = 0; earlier < value;) {
      const bool alive = !elsewhere(earlier) && last[earlier] >= first_use(chain, value);
      const bool overlaps = alive && places[earlier] < places[value] + size_of(extents[value]) &&
                            places[value] < places[earlier] + size_of(extents[earlier]);
      if (overlaps) places[value] = places[earlier] + size_of(extents[earlier]);
      earlier = overlaps ? 0 : earlier + 1;
    }
    const int64_t end = places[value] + size_of(extents[value]);
    total = end > total ? end : total;
  }
  return total;
}

float* value_at(const Program& program, const Schedule& schedule, const Call& call, float* values, int32_t value,
                int64_t image) {
  const int64_t offset = image * floats(schedule.extents[value]);
  if (value < program.chain.activation_count) return const_cast<float*>(call.activations[value]) + offset;
  const int32_t output = output_of(program.chain, value);
  return output >= 0 ? call.outputs[output] + offset : values + schedule.places[value];
}

}  // namespace lth
