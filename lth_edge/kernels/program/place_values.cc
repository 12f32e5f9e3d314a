// First fit: values are few, and a chain is placed once.
#include "schedule.h"

namespace lth {
namespace {

constexpr int64_t line = Storage::alignment / sizeof(float);

int64_t size_of(Extent extent) { return (floats(extent) + line - 1) / line * line; }

// Layers by number; activations are there before the first, outputs after the last.
int32_t first_use(const Chain& chain, int32_t value) {
  return value < chain.activation_count ? -1 : value - chain.activation_count;
}

int32_t last_use(const Chain& chain, int32_t value) {
  if (output_of(chain, value) >= 0) return chain.layer_count;
  int32_t last = first_use(chain, value);
  for (int32_t i = 0; i < chain.layer_count; ++i)
    if (chain.layers[i].source == value || chain.layers[i].residual == value) last = i;
  return last;
}

}  // namespace

int64_t place_values(const Chain& chain, const Extent* extents, bool outside, int64_t* places) {
  const auto elsewhere = [&](int32_t value) {
    return outside && (value < chain.activation_count || output_of(chain, value) >= 0);
  };
  int64_t total = 0;
  for (int32_t value = 0; value < chain.activation_count + chain.layer_count; ++value) {
    places[value] = 0;
    if (elsewhere(value)) continue;
    for (int32_t earlier = 0; earlier < value;) {
      const bool alive = !elsewhere(earlier) && last_use(chain, earlier) >= first_use(chain, value);
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

}  // namespace lth
