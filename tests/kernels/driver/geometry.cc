#include "geometry.h"

#include <algorithm>

namespace lth_test {

namespace {

int64_t span(const lth::Window& window, int axis) {
  return int64_t{window.dilation[axis]} * (window.kernel[axis] - 1) + 1;
}

}  // namespace

bool same(const lth::Extent& a, const lth::Extent& b) {
  return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

Axis window_axis(const lth::Window& window, int axis, int64_t size) {
  const int64_t stride = window.stride[axis];
  if (window.auto_pad == 0) {
    const int64_t before = window.pad[axis];
    const int64_t room = size + before + window.pad[axis + 2] - span(window, axis);
    return {room < 0 ? 0 : room / stride + 1, before};
  }
  const int64_t output = (size + stride - 1) / stride;
  const int64_t padding = std::max<int64_t>((output - 1) * stride + span(window, axis) - size, 0);
  return {output, window.auto_pad == 1 ? padding / 2 : padding - padding / 2};
}

std::vector<lth::Extent> value_extents(const lth::Chain& chain, const lth::Extent* activations) {
  std::vector<lth::Extent> values(activations, activations + chain.activation_count);
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    const lth::Layer& layer = chain.layers[i];
    const lth::Extent source = values[static_cast<size_t>(layer.source)];
    if (source.channels != layer.channels || source.height < 1 || source.width < 1) return {};
    lth::Extent result = source;
    if (layer.kind == lth::LayerKind::average) {
      result.height = result.width = 1;
    } else {
      const int64_t height = window_axis(layer.window, 0, source.height).output;
      const int64_t width = window_axis(layer.window, 1, source.width).output;
      const int64_t channels = layer.kind == lth::LayerKind::convolution ? layer.weights.rows : source.channels;
      if (height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX) return {};
      if (height * width > INT32_MAX || height * width * channels > INT32_MAX) return {};
      result = {static_cast<int32_t>(channels), static_cast<int32_t>(height), static_cast<int32_t>(width)};
    }
    if (layer.residual >= 0 && !same(values[static_cast<size_t>(layer.residual)], result)) return {};
    values.push_back(result);
  }
  return values;
}

}  // namespace lth_test
