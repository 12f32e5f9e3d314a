#include "test_chain.h"

#include <sstream>

namespace lth_test {

ChainView view(const TestChain& test) {
  ChainView result;
  for (const TestLayer& own : test.layers) {
    lth::Layer layer = own.layer;
    layer.weights.indptr = own.indptr.data();
    layer.weights.indices = own.indices.data();
    layer.weights.data = own.data.data();
    layer.weights.scale = own.scale.empty() ? nullptr : own.scale.data();
    layer.bias = own.bias.empty() ? nullptr : own.bias.data();
    result.layers.push_back(layer);
  }
  result.chain = {
      test.linear,          static_cast<int32_t>(test.extents.size()), static_cast<int32_t>(test.layers.size()),
      result.layers.data(), static_cast<int32_t>(test.outputs.size()), test.outputs.data()};
  return result;
}

size_t index_bytes(lth::IndexType type) { return type == lth::IndexType::absolute16 ? 2 : 1; }

size_t data_bytes(lth::DataType type) {
  return type == lth::DataType::float32 ? 4 : type == lth::DataType::float16 ? 2 : 1;
}

int64_t elements(const lth::Extent& extent) {
  return static_cast<int64_t>(extent.channels) * extent.height * extent.width;
}

namespace {

void describe(std::ostream& out, const std::vector<lth::Extent>& extents) {
  for (const lth::Extent& extent : extents) {
    out << " " << extent.channels << "x" << extent.height << "x" << extent.width;
  }
}

void describe(std::ostream& out, const TestLayer& own) {
  const lth::Layer& layer = own.layer;
  const lth::Csr& csr = layer.weights;
  const lth::Window& window = layer.window;
  out << "kind " << static_cast<int>(layer.kind) << " source " << layer.source << " residual " << layer.residual
      << " channels " << layer.channels << " group " << layer.group << " kernel " << window.kernel[0] << "x"
      << window.kernel[1] << " stride " << window.stride[0] << "x" << window.stride[1] << " dilation "
      << window.dilation[0] << "x" << window.dilation[1] << " pads " << window.pad[0] << " " << window.pad[1] << " "
      << window.pad[2] << " " << window.pad[3] << " auto_pad " << window.auto_pad << " rows " << csr.rows << " columns "
      << csr.columns << " nnz " << csr.nnz << " index type " << static_cast<int>(csr.index_type) << " data type "
      << static_cast<int>(csr.data_type) << (own.bias.empty() ? "" : " bias") << " activation "
      << static_cast<int>(layer.activation.kind);
  if (layer.activation.kind == lth::ActivationKind::clip) {
    out << " [" << layer.activation.low << ", " << layer.activation.high << "]";
  }
}

}  // namespace

std::string describe(const TestChain& test) {
  std::ostringstream out;
  out << (test.linear ? "linear" : "images") << ", batch " << test.batch << ", activations";
  describe(out, test.extents);
  out << ", expected";
  describe(out, test.expected);
  out << ", outputs";
  for (int32_t value : test.outputs) out << " " << value;
  for (size_t i = 0; i < test.layers.size(); ++i) {
    out << "\n  value " << test.extents.size() + i << ": ";
    describe(out, test.layers[i]);
  }
  return out.str();
}

}  // namespace lth_test
