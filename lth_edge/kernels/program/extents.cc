#include "schedule.h"

#include "../plan/geometry.h"

namespace lth {
namespace {

constexpr int64_t most_elements = INT32_MAX;

bool too_large(Extent extent) {
  const int64_t plane = static_cast<int64_t>(extent.height) * extent.width;
  return plane > most_elements || plane * extent.channels > most_elements;
}

const char* contradiction(const Layer& layer, bool linear, Extent in, Extent& out) {
  if (in.channels != layer.channels) return "is given another number of channels than its weights have columns";
  if (layer.kind == LayerKind::average) {
    out = {layer.channels, 1, 1};
    return nullptr;
  }
  out.channels = layer.kind == LayerKind::convolution ? layer.weights.rows : layer.channels;
  out.height = in.height;
  out.width = in.width;
  if (!linear && !window_output(resolved(layer.window, in), in, out.height, out.width))
    return "has a window larger than its image";
  return too_large(out) ? "would give 2^31 elements or more" : nullptr;
}

}  // namespace

bool same(Extent a, Extent b) { return a.channels == b.channels && a.height == b.height && a.width == b.width; }

int64_t floats(Extent extent) { return static_cast<int64_t>(extent.channels) * extent.height * extent.width; }

int32_t output_of(const Chain& chain, int32_t value) {
  for (int32_t i = 0; i < chain.output_count; ++i)
    if (chain.outputs[i] == value) return i;
  return -1;
}

bool infer_extents(const Chain& chain, const Extent* activations, Extent* extents, Message& error) {
  for (int32_t i = 0; i < chain.activation_count; ++i) {
    extents[i] = activations[i];
    const int32_t least = chain.linear ? 0 : 1;  // no tokens at all are fine
    const bool given = activations[i].channels > 0 && activations[i].height >= least && activations[i].width >= least;
    if (given && !too_large(activations[i])) continue;
    error << "activation " << i << (given ? " has 2^31 elements or more" : " is empty");
    return false;
  }
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    const Layer& layer = chain.layers[i];
    Extent& out = extents[chain.activation_count + i];
    const char* why = contradiction(layer, chain.linear, extents[layer.source], out);
    if (why == nullptr && layer.residual >= 0 && !same(extents[layer.residual], out))
      why = "is given a residual of another shape than its output";
    if (why == nullptr) continue;
    error << "layer " << i << " " << why;
    return false;
  }
  return true;
}

}  // namespace lth
