#include "read_chain.h"

#include "read_constants.h"
#include "read_layers.h"

namespace lth::ort {

namespace {

bool in_limits(const char* name, int64_t value, int64_t highest, Message& error) {
  if (value >= 1 && value <= highest) return true;
  error << "attribute " << name << " says " << value << ", which is not between 1 and " << highest;
  return false;
}

// How many layers there are follows from `source`, which every layer has once.
bool read_layer_count(const Node& node, Host* host, ChainFile& file, Message& error) {
  Array<int64_t> source(host);
  if (!read_integers(node, "source", source, error)) return false;
  if (!in_limits("source", static_cast<int64_t>(source.size()), kMostLayers, error)) return false;
  if (!file.layers.resize(source.size())) {
    error << "no memory for the layers";
    return false;
  }
  return true;
}

bool read_outputs(const Node& node, Host* host, ChainFile& file, Message& error) {
  Array<int64_t> outputs(host);
  size_t count = 0;
  if (!read_integers(node, "outputs", outputs, error)) return false;
  if (!in_limits("outputs", static_cast<int64_t>(outputs.size()), kMostOutputs, error)) return false;
  if (!succeeded(node.api, KernelInfo_GetOutputCount(node.api, node.info, &count), error)) return false;
  if (!expect_entries("outputs", outputs.size(), count, error)) return false;
  if (!file.outputs.resize(count)) {
    error << "no memory for the outputs";
    return false;
  }
  for (size_t i = 0; i < count; ++i) file.outputs[i] = static_cast<int32_t>(outputs[i]);
  return true;
}

// Its length is part of the format. Numbers that mean nothing here are another release's: they are advice, and ignored.
bool read_tuning(const Node& node, ChainFile& file, Message& error) {
  Message unused;
  const bool usable = read_integers(node, "tuning", file.tuning, unused);
  const size_t found = file.tuning.size();  // none where there is no such attribute
  if (found != 0 && !expect_entries("tuning", found, 3 * file.layers.size(), error)) return false;
  if (!usable) file.tuning.resize(0);
  return true;
}

bool read_weights(const Node& node, Host* host, const Array<int64_t>& has_bias, ChainFile& file, Message& error) {
  const int32_t activations = file.chain.activation_count;
  if (node.coded == nullptr) return read_constants(node, activations, has_bias, file.layers, error);
  return read_coded_constants(node, host, file.content, activations, has_bias, file.layers, file.memory, error);
}

// The channels of each activation, as a layer that reads or adds it has them.
void fill_channels(ChainFile& file) {
  for (size_t i = 0; i < file.layers.size(); ++i) {
    const Layer& layer = file.layers[i];
    if (layer.source < file.chain.activation_count) file.expected[layer.source].channels = layer.channels;
    if (layer.residual >= 0 && layer.residual < file.chain.activation_count) {
      file.expected[layer.residual].channels = layer.weights.rows;
    }
  }
}

bool read_tokens(const Node& node, ChainFile& file, Message& error) {
  int32_t tokens = 0;
  if (!read_integer(node, "tokens", tokens, error)) return false;
  if (tokens < 0) {
    error << "attribute tokens is negative";
    return false;
  }
  for (size_t i = 0; i < file.expected.size(); ++i) {
    file.expected[i].height = 1;
    file.expected[i].width = tokens;
  }
  return true;
}

bool read_input_size(const Node& node, Host* host, ChainFile& file, Message& error) {
  Array<int64_t> sizes(host);
  if (!read_integers(node, "input_size", sizes, error)) return false;
  if (!expect_entries("input_size", sizes.size(), file.expected.size() * 2, error)) return false;
  for (size_t i = 0; i < file.expected.size(); ++i) {
    const int64_t height = sizes[2 * i];
    const int64_t width = sizes[2 * i + 1];
    if (height < 0 || width < 0 || (file.spatial == 1 && height > 1)) {
      error << "attribute input_size has an entry that cannot be";
      return false;
    }
    file.expected[i].height = static_cast<int32_t>(height);
    file.expected[i].width = static_cast<int32_t>(width);
  }
  return true;
}

}  // namespace

bool open_coded(Node& node, ChainFile& file, Message& error) {
  int32_t coded = 0;
  if (!read_optional_integer(node, "coded", coded, error)) return false;
  if (coded != 0 && coded != 1) {
    error << "attribute coded is " << int64_t{coded} << ", not 0 or 1";
    return false;
  }
  if (coded == 0) return true;
  if (!read_coded(node, file.content, error) || !file.attributes.read(file.content.attributes, error)) return false;
  node.coded = &file.attributes;
  return true;
}

bool read_chain(const Node& node, Host* host, bool linear, ChainFile& file, Message& error) {
  Chain& chain = file.chain;
  Array<int64_t> has_bias(host);
  chain.linear = linear;
  if (!read_integer(node, "activations", chain.activation_count, error)) return false;
  if (!in_limits("activations", chain.activation_count, kMostActivations, error)) return false;
  if (!linear) {
    if (!read_integer(node, "spatial", file.spatial, error)) return false;
    if (!in_limits("spatial", file.spatial, 2, error)) return false;
  }
  if (!read_layer_count(node, host, file, error) || !read_outputs(node, host, file, error)) return false;
  if (!read_layers(node, host, linear, file.spatial, file.layers, has_bias, error)) return false;
  if (!read_weights(node, host, has_bias, file, error)) return false;
  if (!read_tuning(node, file, error)) return false;
  chain.layer_count = static_cast<int32_t>(file.layers.size());
  chain.layers = file.layers.data();
  chain.output_count = static_cast<int32_t>(file.outputs.size());
  chain.outputs = file.outputs.data();
  return true;
}

bool read_expected(const Node& node, Host* host, ChainFile& file, Message& error) {
  if (!file.expected.resize(static_cast<size_t>(file.chain.activation_count))) {
    error << "no memory for the activations";
    return false;
  }
  fill_channels(file);
  return file.chain.linear ? read_tokens(node, file, error) : read_input_size(node, host, file, error);
}

}  // namespace lth::ort
