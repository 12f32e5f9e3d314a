#include "read_constants.h"

#include "../coded/decode.h"

namespace lth::ort {

namespace {

// Reads constant inputs one after the other, each a tensor of one axis.
class Constants {
 public:
  Constants(const Node& node, size_t first, Message& error) : node_(node), next_(first), error_(error) {}

  size_t next() const { return next_; }

  void begin_layer(size_t layer) { layer_ = layer; }

  bool refuse(const char* name, const char* why) {
    error_ << "layer " << static_cast<int64_t>(layer_) << ": " << name << " " << why;
    return false;
  }

  bool read(const char* name, Tensor& tensor) {
    int is_constant = 0;
    const Value* value = nullptr;
    Message why;
    Status* status = KernelInfoGetConstantInput_tensor(node_.api, node_.info, next_++, &is_constant, &value);
    if (!succeeded(node_.api, status, why)) return refuse(name, why.text());
    if (is_constant == 0) return refuse(name, "is missing or not an initializer");
    if (!read_tensor(node_.api, value, tensor, why)) return refuse(name, why.text());
    return tensor.rank == 1 || refuse(name, "does not have one axis");
  }

  bool read_per_row(const char* name, int32_t rows, const float*& out) {
    Tensor tensor = {};
    if (!read(name, tensor)) return false;
    if (tensor.type != kFloat) return refuse(name, "is not float32");
    if (tensor.elements != rows) return refuse(name, "does not have one entry a row");
    out = static_cast<const float*>(tensor.data);
    return true;
  }

 private:
  const Node& node_;
  size_t next_;
  size_t layer_ = 0;
  Message& error_;
};

bool read_indptr(Constants& constants, Csr& weights) {
  Tensor tensor = {};
  if (!constants.read("indptr", tensor)) return false;
  if (tensor.type != kInt32) return constants.refuse("indptr", "is not int32");
  if (tensor.elements < 2) return constants.refuse("indptr", "has fewer than two entries");
  weights.rows = static_cast<int32_t>(tensor.elements - 1);
  weights.indptr = static_cast<const int32_t*>(tensor.data);
  return true;
}

bool read_indices(Constants& constants, Csr& weights) {
  Tensor tensor = {};
  if (!constants.read("indices", tensor)) return false;
  if (tensor.type != kUint16 && tensor.type != kUint8) {
    return constants.refuse("indices", "is neither uint16 nor uint8");
  }
  weights.index_type = tensor.type == kUint16 ? IndexType::absolute16 : IndexType::gaps8;
  weights.index_count = tensor.elements;
  weights.indices = tensor.data;
  return true;
}

bool read_data(Constants& constants, Csr& weights) {
  Tensor tensor = {};
  if (!constants.read("data", tensor)) return false;
  if (tensor.type != kFloat && tensor.type != kFloat16 && tensor.type != kInt8) {
    return constants.refuse("data", "is not float32, float16 or int8");
  }
  weights.data_type = tensor.type == kFloat     ? DataType::float32
                      : tensor.type == kFloat16 ? DataType::float16
                                                : DataType::int8;
  weights.nnz = tensor.elements;
  weights.data = tensor.data;
  const bool one_each = weights.index_count == weights.nnz;
  const bool one_or_more_each = weights.index_type == IndexType::gaps8 && weights.index_count > weights.nnz;
  return one_each || one_or_more_each || constants.refuse("data", "and indices are not of the same length");
}

// Columns of the matrix, as the layer's window has them; INT32_MAX stands for all that is more, 0 for nonsense.
int32_t columns_of(const Layer& layer) {
  if (layer.group < 1) return 0;
  const int64_t axes[] = {layer.channels / layer.group, layer.window.kernel[0], layer.window.kernel[1]};
  for (int64_t axis : axes) {
    if (axis < 1) return 0;
  }
  const int64_t columns = extent_of_axes(axes, 3);
  return columns < 0 ? INT32_MAX : static_cast<int32_t>(columns);
}

bool read_layer(Constants& constants, bool has_bias, Layer& layer) {
  Csr& weights = layer.weights;
  weights.columns = columns_of(layer);
  if (!read_indptr(constants, weights) || !read_indices(constants, weights)) return false;
  if (!read_data(constants, weights)) return false;
  const bool scaled = weights.data_type == DataType::int8;
  if (scaled && !constants.read_per_row("scale", weights.rows, weights.scale)) return false;
  return !has_bias || constants.read_per_row("bias", weights.rows, layer.bias);
}

// Whether the node has no inputs beyond those that were read.
bool expect_inputs(const Node& node, size_t expected, Message& error) {
  size_t inputs = 0;
  if (!succeeded(node.api, KernelInfo_GetInputCount(node.api, node.info, &inputs), error)) return false;
  if (inputs == expected) return true;
  error << "the node has " << static_cast<int64_t>(inputs) << " inputs where its layers have "
        << static_cast<int64_t>(expected);
  return false;
}

}  // namespace

bool read_constants(const Node& node, int32_t activations, const Array<int64_t>& has_bias, Array<Layer>& layers,
                    Message& error) {
  Constants constants(node, static_cast<size_t>(activations), error);
  for (size_t i = 0; i < layers.size(); ++i) {
    constants.begin_layer(i);
    if (layers[i].kind == LayerKind::convolution && !read_layer(constants, has_bias[i] == 1, layers[i])) return false;
  }
  return expect_inputs(node, constants.next(), error);
}

bool read_coded(const Node& node, coded::Content& content, Message& error) {
  size_t inputs = 0;
  if (!succeeded(node.api, KernelInfo_GetInputCount(node.api, node.info, &inputs), error)) return false;
  Constants constants(node, inputs - 1, error);
  Tensor tensor = {};
  if (!constants.read("coded weights", tensor)) return false;
  if (tensor.type != kUint8) return constants.refuse("coded weights", "are not uint8");
  return coded::open(static_cast<const uint8_t*>(tensor.data), static_cast<size_t>(tensor.elements), content, error);
}

bool read_coded_constants(const Node& node, Host* host, const coded::Content& content, int32_t activations,
                          const Array<int64_t>& has_bias, Array<Layer>& layers, coded::Memory& memory, Message& error) {
  if (!expect_inputs(node, static_cast<size_t>(activations) + 1, error)) return false;
  for (size_t i = 0; i < layers.size(); ++i) layers[i].weights.columns = columns_of(layers[i]);
  return coded::decode(host, content, has_bias, layers, memory, error);
}

}  // namespace lth::ort
