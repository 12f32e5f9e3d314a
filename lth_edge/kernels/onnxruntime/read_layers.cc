#include "read_layers.h"

namespace lth::ort {

namespace {

// An attribute with `entries` integers a layer, and where they go.
struct Field {
  const char* name;
  size_t entries;
  void (*set)(Layer& layer, const int64_t* values);
};

int32_t narrow(int64_t value) { return static_cast<int32_t>(value); }

constexpr Field kFields[] = {
    {"source", 1, [](Layer& layer, const int64_t* values) { layer.source = narrow(values[0]); }},
    {"residual", 1, [](Layer& layer, const int64_t* values) { layer.residual = narrow(values[0]); }},
    {"activation", 1,
     [](Layer& layer, const int64_t* values) { layer.activation.kind = static_cast<ActivationKind>(values[0]); }},
};

constexpr Field kLinearFields[] = {
    {"columns", 1, [](Layer& layer, const int64_t* values) { layer.channels = narrow(values[0]); }},
};

constexpr Field kConvolutionFields[] = {
    {"kind", 1, [](Layer& layer, const int64_t* values) { layer.kind = static_cast<LayerKind>(values[0]); }},
    {"channels", 1, [](Layer& layer, const int64_t* values) { layer.channels = narrow(values[0]); }},
    {"group", 1, [](Layer& layer, const int64_t* values) { layer.group = narrow(values[0]); }},
    {"kernel_shape", 2,
     [](Layer& layer, const int64_t* values) {
       for (int i = 0; i < 2; ++i) layer.window.kernel[i] = narrow(values[i]);
     }},
    {"strides", 2,
     [](Layer& layer, const int64_t* values) {
       for (int i = 0; i < 2; ++i) layer.window.stride[i] = narrow(values[i]);
     }},
    {"dilations", 2,
     [](Layer& layer, const int64_t* values) {
       for (int i = 0; i < 2; ++i) layer.window.dilation[i] = narrow(values[i]);
     }},
    {"pads", 4,
     [](Layer& layer, const int64_t* values) {
       for (int i = 0; i < 4; ++i) layer.window.pad[i] = narrow(values[i]);
     }},
    {"auto_pad", 1, [](Layer& layer, const int64_t* values) { layer.window.auto_pad = narrow(values[0]); }},
};

template <size_t count>
bool read_fields(const Node& node, Host* host, const Field (&fields)[count], Array<Layer>& layers, Message& error) {
  Array<int64_t> values(host);
  for (const Field& field : fields) {
    if (!read_integers(node, field.name, values, error)) return false;
    if (!expect_entries(field.name, values.size(), layers.size() * field.entries, error)) return false;
    for (size_t i = 0; i < layers.size(); ++i) field.set(layers[i], values.data() + i * field.entries);
  }
  return true;
}

bool read_bounds(const Node& node, Host* host, Array<Layer>& layers, Message& error) {
  Array<float> bounds(host);
  if (!read_floats(node, "bounds", bounds, error)) return false;
  if (!expect_entries("bounds", bounds.size(), layers.size() * 2, error)) return false;
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].activation.low = bounds[2 * i];
    layers[i].activation.high = bounds[2 * i + 1];
  }
  return true;
}

// Known early: which constants follow depends on it.
bool check_kinds(const Array<Layer>& layers, Message& error) {
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto kind = static_cast<int64_t>(layers[i].kind);
    if (kind >= 0 && kind <= 2) continue;
    error << "layer " << static_cast<int64_t>(i) << ": kind is " << kind << ", not 0, 1 or 2";
    return false;
  }
  return true;
}

bool read_bias_flags(const Node& node, const Array<Layer>& layers, Array<int64_t>& has_bias, Message& error) {
  if (!read_integers(node, "bias", has_bias, error)) return false;
  if (!expect_entries("bias", has_bias.size(), layers.size(), error)) return false;
  for (size_t i = 0; i < layers.size(); ++i) {
    const int64_t highest = layers[i].kind == LayerKind::convolution ? 1 : 0;
    if (has_bias[i] >= 0 && has_bias[i] <= highest) continue;
    error << "layer " << static_cast<int64_t>(i) << ": bias is " << has_bias[i] << ", not 0";
    if (highest == 1) error << " or 1";
    return false;
  }
  return true;
}

bool is_flat(const Window& window) {
  const bool unpadded = window.pad[0] == 0 && window.pad[2] == 0;
  return unpadded && window.kernel[0] == 1 && window.stride[0] == 1 && window.dilation[0] == 1;
}

// Where images have no height, a window that has one contradicts them.
bool check_heights(const Array<Layer>& layers, Message& error) {
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].kind == LayerKind::average || is_flat(layers[i].window)) continue;
    error << "layer " << static_cast<int64_t>(i) << ": its window has a height, but spatial is 1";
    return false;
  }
  return true;
}

// A linear layer is a convolution with a window of 1.
void make_linear(Layer& layer) {
  layer.kind = LayerKind::convolution;
  layer.group = 1;
  layer.window = {{1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 0};
}

}  // namespace

bool read_layers(const Node& node, Host* host, bool linear, int32_t spatial, Array<Layer>& layers,
                 Array<int64_t>& has_bias, Message& error) {
  if (!read_fields(node, host, kFields, layers, error)) return false;
  if (linear) {
    for (size_t i = 0; i < layers.size(); ++i) make_linear(layers[i]);
    if (!read_fields(node, host, kLinearFields, layers, error)) return false;
  } else {
    if (!read_fields(node, host, kConvolutionFields, layers, error)) return false;
    if (!check_kinds(layers, error)) return false;
    if (spatial == 1 && !check_heights(layers, error)) return false;
  }
  return read_bounds(node, host, layers, error) && read_bias_flags(node, layers, has_bias, error);
}

}  // namespace lth::ort
