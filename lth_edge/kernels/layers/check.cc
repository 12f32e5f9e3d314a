// What a file may hold is checked here, once, while loading; everything after relies on it.
#include "program.h"
#include "csr.h"

namespace lth {
namespace {

constexpr int32_t most_window = 1 << 15;  // of a kernel, stride, dilation or padding: products of two fit 32 bits

bool in_range(int64_t value, int64_t low, int64_t high) { return low <= value && value <= high; }

// Why a matrix is not one, or null.
const char* broken_indptr(const Csr& matrix) {
  if (matrix.rows < 1 || matrix.columns < 1) return "its weights have no rows or no columns";
  if (!in_range(matrix.nnz, 0, INT32_MAX)) return "its data has 2^31 or more entries";
  if (matrix.indptr[0] != 0) return "its indptr does not start at 0";
  for (int32_t row = 0; row < matrix.rows; ++row)
    if (matrix.indptr[row] > matrix.indptr[row + 1]) return "its indptr falls";
  if (matrix.indptr[matrix.rows] != matrix.nnz) return "its indptr does not end at the number of nonzeros";
  return nullptr;
}

const char* broken_columns(const Csr& matrix) {
  if (matrix.index_count != matrix.nnz) return "it has not one index a nonzero";
  const uint16_t* columns = static_cast<const uint16_t*>(matrix.indices);
  for (int32_t row = 0; row < matrix.rows; ++row) {
    int32_t before = -1;
    for (int64_t i = matrix.indptr[row]; i < matrix.indptr[row + 1]; ++i) {
      if (columns[i] <= before) return "its indices do not rise within a row";
      if (columns[i] >= matrix.columns) return "an index is beyond its columns";
      before = columns[i];
    }
  }
  return nullptr;
}

const char* broken_gaps(const Csr& matrix) {
  const uint8_t* gaps = static_cast<const uint8_t*>(matrix.indices);
  int64_t gap = 0;
  for (int32_t row = 0; row < matrix.rows; ++row) {
    int64_t cursor = 0;
    for (int64_t i = matrix.indptr[row]; i < matrix.indptr[row + 1]; ++cursor, ++i) {
      for (; gap < matrix.index_count && gaps[gap] == empty_gap; ++gap) cursor += empty_gap;
      if (gap == matrix.index_count) return "its gaps end before its nonzeros do";
      cursor += gaps[gap++];
      if (cursor >= matrix.columns) return "a gap leads beyond its columns";
    }
  }
  return gap == matrix.index_count ? nullptr : "it has gaps beyond its last nonzero";
}

const char* broken_weights(const Csr& matrix) {
  if (const char* why = broken_indptr(matrix)) return why;
  return matrix.index_type == IndexType::gaps8 ? broken_gaps(matrix) : broken_columns(matrix);
}

const char* broken_window(const Window& window) {
  for (int axis = 0; axis < 2; ++axis) {
    if (!in_range(window.kernel[axis], 1, most_window)) return "its kernel_shape is not between 1 and 32768";
    if (!in_range(window.stride[axis], 1, most_window)) return "a stride is not between 1 and 32768";
    if (!in_range(window.dilation[axis], 1, most_window)) return "a dilation is not between 1 and 32768";
  }
  for (int32_t pad : window.pad)
    if (!in_range(pad, 0, most_window)) return "a pad is not between 0 and 32768";
  return in_range(window.auto_pad, 0, 2) ? nullptr : "its auto_pad is not 0, 1 or 2";
}

const char* broken_convolution(const Layer& layer) {
  if (const char* why = broken_weights(layer.weights)) return why;
  if (layer.group < 1 || layer.channels % layer.group != 0 || layer.weights.rows % layer.group != 0)
    return "its groups do not divide its channels";
  const int64_t columns =
      static_cast<int64_t>(layer.channels / layer.group) * layer.window.kernel[0] * layer.window.kernel[1];
  if (columns > INT32_MAX || columns != layer.weights.columns)
    return "its weights have not channels / group x kernel height x kernel width columns";
  return nullptr;
}

const char* broken_pool(const Layer& layer) {
  const bool plain = layer.bias == nullptr && layer.residual < 0 && layer.activation.kind == ActivationKind::none;
  return plain && layer.group == 1 ? nullptr : "a pool has no groups, bias, residual or activation";
}

const char* broken_linear(const Layer& layer) {
  const Window& window = layer.window;
  bool plain = layer.kind == LayerKind::convolution && layer.group == 1 && window.auto_pad == 0;
  for (int axis = 0; axis < 2; ++axis)
    plain = plain && window.kernel[axis] == 1 && window.stride[axis] == 1 && window.dilation[axis] == 1;
  for (int32_t pad : window.pad) plain = plain && pad == 0;
  return plain ? nullptr : "a linear layer has no window, stride, padding or groups";
}

const char* broken_layer(const Layer& layer) {
  if (layer.channels < 1) return "it reads no channels";
  const bool known = in_range(static_cast<int64_t>(layer.kind), 0, 2);
  if (!known) return "its kind is not 0, 1 or 2";
  if (!in_range(static_cast<int64_t>(layer.activation.kind), 0, 4)) return "its activation is not between 0 and 4";
  if (const char* why = broken_window(layer.window)) return why;
  return layer.kind == LayerKind::convolution ? broken_convolution(layer) : broken_pool(layer);
}

const char* broken_chain(const Chain& chain) {
  if (!in_range(chain.activation_count, 1, most_activations)) return "it does not have 1 to 64 activations";
  if (!in_range(chain.layer_count, 1, most_layers)) return "it does not have 1 to 1024 layers";
  const int32_t values = chain.activation_count + chain.layer_count;
  if (!in_range(chain.output_count, 1, chain.layer_count)) return "it gives no output, or more than it has layers";
  for (int32_t i = 0; i < chain.output_count; ++i) {
    if (!in_range(chain.outputs[i], chain.activation_count, values - 1)) return "an output is not a layer's value";
    for (int32_t j = 0; j < i; ++j)
      if (chain.outputs[i] == chain.outputs[j]) return "it gives the same value twice";
  }
  return nullptr;
}

int32_t channels_of(const Chain& chain, int32_t value) {
  if (value < chain.activation_count) return -1;  // told at run time
  const Layer& layer = chain.layers[value - chain.activation_count];
  return layer.kind == LayerKind::convolution ? layer.weights.rows : layer.channels;
}

const char* broken_wiring(const Chain& chain, int32_t index) {
  const Layer& layer = chain.layers[index];
  const int32_t value = chain.activation_count + index;
  if (!in_range(layer.source, 0, value - 1)) return "its source is not an earlier value";
  if (!in_range(layer.residual, -1, value - 1)) return "its residual is not an earlier value";
  const int32_t given = channels_of(chain, layer.source);
  if (given >= 0 && given != layer.channels) return "its source has another number of channels";
  const int32_t added = layer.residual < 0 ? -1 : channels_of(chain, layer.residual);
  if (added >= 0 && added != channels_of(chain, value)) return "its residual has another number of channels";
  return nullptr;
}

}  // namespace

bool check(const Chain& chain, Message& error) {
  if (const char* why = broken_chain(chain)) {
    error << "the chain is broken: " << why;
    return false;
  }
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    const char* why = broken_layer(chain.layers[i]);
    if (why == nullptr && chain.linear) why = broken_linear(chain.layers[i]);
    if (why == nullptr) why = broken_wiring(chain, i);
    if (why == nullptr) continue;
    error << "layer " << i << " is broken: " << why;
    return false;
  }
  return true;
}

}  // namespace lth
