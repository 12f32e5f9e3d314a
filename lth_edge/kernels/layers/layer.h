// What a chain of layers is, as an operator's attributes and constants give it. Plain data: knows neither onnxruntime
// nor a CPU.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lth {

constexpr int32_t most_layers = 1024, most_activations = 64;  // of a chain
constexpr int32_t most_values = most_layers + most_activations;

enum class IndexType { absolute16, gaps8 };
enum class DataType { float32, float16, int8 };

// A matrix in compressed sparse row form; every pointer is into memory of the caller's that outlives the layer.
struct Csr {
  int32_t rows;
  int32_t columns;
  const int32_t* indptr;  // [rows + 1]
  IndexType index_type;
  const void* indices;  // uint16 [nnz], or uint8 [index_count] gaps
  int64_t index_count;  // entries in `indices`
  DataType data_type;
  const void* data;    // [nnz]
  int64_t nnz;         // entries in `data`
  const float* scale;  // [rows], only for int8
};

enum class ActivationKind { none = 0, clip = 1, hard_swish = 2, gelu_erf = 3, gelu_tanh = 4 };

struct Activation {
  ActivationKind kind;
  float low, high;  // of a clip
};

enum class LayerKind { convolution = 0, max_pool = 1, average = 2 };

struct Window {  // (height, width)
  int32_t kernel[2];
  int32_t stride[2];
  int32_t dilation[2];
  int32_t pad[4];    // top, left, bottom, right
  int32_t auto_pad;  // 0 explicit, 1 SAME_UPPER, 2 SAME_LOWER
};

struct Layer {
  LayerKind kind;    // a linear layer is a convolution with a window of 1
  int32_t source;    // value numbers, see OPERATORS.md
  int32_t residual;  // or -1
  int32_t channels;  // that the layer reads; of a linear layer its columns
  int32_t group;
  Window window;
  Csr weights;        // of a convolution
  const float* bias;  // [rows] or null
  Activation activation;
};

struct Chain {
  bool linear;  // tokens [..., columns] rather than images [N, C, H, W]
  int32_t activation_count;
  int32_t layer_count;
  const Layer* layers;
  int32_t output_count;
  const int32_t* outputs;  // value numbers
};

// One image of a value, or of a linear chain all tokens: `channels` numbers for each of height x width positions.
struct Extent {
  int32_t channels, height, width;
};

}  // namespace lth
