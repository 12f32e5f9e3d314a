#include "depthwise_plan.h"

#include "../layers/csr.h"

namespace lth {
namespace {

void place_weights(const Csr& matrix, int32_t kernel, uint32_t* stored, float* weights) {
  CsrColumns columns(matrix);
  for (int32_t row = 0; row < matrix.rows; ++row) {
    float* const own = weights + static_cast<int64_t>(row) * kernel * kernel;
    for (int32_t i = 0; i < kernel * kernel; ++i) own[i] = 0.0f;
    stored[row] = 0;
    columns.next_row([&](int32_t column, int64_t i) {
      const int32_t at = column % kernel * kernel + column / kernel;
      stored[row] |= 1u << at;
      own[at] = csr_value(matrix, i, row);
    });
  }
}

}  // namespace

bool is_depthwise(const Layer& layer, Extent in) {
  const Window& window = layer.window;
  const int32_t kernel = window.kernel[0], stride = window.stride[0];
  if (in.width > widest_cut || in.height > INT32_MAX / 2) return false;
  return layer.group == layer.channels && layer.weights.rows == layer.channels && (kernel == 3 || kernel == 5) &&
         window.kernel[1] == kernel && stride <= 2 && window.stride[1] == stride && window.dilation[0] == 1 &&
         window.dilation[1] == 1;
}

void plan_depthwise(const Layer& layer, const Window& window, Extent in, Extent out, int32_t lanes, Storage& storage,
                    DepthwisePlan& plan) {
  const int32_t kernel = window.kernel[0];
  plan = {window, in, out, {}, nullptr, nullptr, nullptr, layer.bias, layer.activation};
  plan.columns = cut_columns(window, in.width, out.width, lanes, storage);
  float* const zeros = storage.take<float>(in.width);
  uint32_t* const stored = storage.take<uint32_t>(layer.channels);
  float* const weights = storage.take<float>(static_cast<int64_t>(layer.channels) * kernel * kernel);
  if (storage.measuring()) return;
  for (int32_t i = 0; i < in.width; ++i) zeros[i] = 0.0f;
  place_weights(layer.weights, kernel, stored, weights);
  plan.zeros = zeros;
  plan.stored = stored;
  plan.weights = weights;
}

}  // namespace lth
