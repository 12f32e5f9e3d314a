#include "reference.h"

#include <algorithm>
#include <cmath>

#include "float16.h"
#include "geometry.h"

namespace lth_test {

namespace {

constexpr double unit_roundoff = 0x1p-24;

double stored_value(const lth::Csr& csr, int64_t i, int32_t row) {
  switch (csr.data_type) {
    case lth::DataType::float32:
      return static_cast<const float*>(csr.data)[i];
    case lth::DataType::float16:
      return float16_value(static_cast<const uint16_t*>(csr.data)[i]);
    default:
      return static_cast<double>(static_cast<const int8_t*>(csr.data)[i]) * csr.scale[row];
  }
}

// A sum and what it took. Besides the `error` of its terms, float32 may lose a rounding of `magnitude` a term; as they
// go either way, no more than a few times the root of their number is ever seen (Higham and Mary, A new approach to
// probabilistic rounding error analysis, SIAM J. Sci. Comput. 41, 2019).
struct Sum {
  double value = 0, magnitude = 0, error = 0;
  int64_t terms = 0;
  bool unsure = false;  // such as where an infinite weight met a number that may be on either side of zero

  void add(double weight, double x, double error_of_x) {
    value += weight * x;
    magnitude += std::fabs(weight * x);
    error += std::fabs(weight) * error_of_x;
    ++terms;
    if (std::isinf(error_of_x) || (std::isinf(weight) && error_of_x > 0 && std::fabs(x) <= error_of_x)) unsure = true;
  }

  double bound() const {
    if (unsure) return INFINITY;
    if (!std::isfinite(value)) return 0;  // what a clip makes of it is exact
    const double count = static_cast<double>(terms), roundings = std::min(count, 4 * std::sqrt(count)) + 3;
    return error + roundings * unit_roundoff * (magnitude + error) + 0x1p-120;
  }
};

double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

double activate(const lth::Activation& activation, double x) {
  switch (activation.kind) {
    case lth::ActivationKind::clip:
      return clip(x, activation.low, activation.high);
    case lth::ActivationKind::hard_swish:
      return x * clip(x / 6 + 0.5, 0, 1);
    case lth::ActivationKind::gelu_erf:
      return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5)));
    case lth::ActivationKind::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    default:
      return x;
  }
}

// The steepest slope of an activation stretches the error of what it is given; its own arithmetic adds a few roundings.
double activation_error(const lth::Activation& activation, double x, double error) {
  if (!std::isfinite(x)) return error;
  switch (activation.kind) {
    case lth::ActivationKind::none:
    case lth::ActivationKind::clip:
      return error;
    case lth::ActivationKind::hard_swish:
      return 1.5 * error + 4 * unit_roundoff * std::fabs(x);
    default:
      return 1.13 * error + 8 * unit_roundoff * std::fabs(x);
  }
}

// One layer over one image. Padding is zeros, which an infinite weight turns into NaN.
class LayerReference {
 public:
  LayerReference(const lth::Chain& chain, const lth::Layer& layer, const ReferenceValue& source,
                 const ReferenceValue* residual, ReferenceValue& result)
      : linear_(chain.linear), layer_(layer), source_(source), residual_(residual), result_(result) {
    if (layer.kind == lth::LayerKind::convolution) rows_ = decode(layer.weights);
    vertical_ = window_axis(layer.window, 0, source.extent.height);
    horizontal_ = window_axis(layer.window, 1, source.extent.width);
  }

  void image(int64_t n) {
    for (int32_t c = 0; c < result_.extent.channels; ++c) {
      for (int32_t y = 0; y < result_.extent.height; ++y) {
        for (int32_t x = 0; x < result_.extent.width; ++x) position(n, c, y, x);
      }
    }
  }

 private:
  // A linear chain lays its channels out last.
  size_t at(const lth::Extent& extent, int64_t n, int64_t c, int64_t y, int64_t x) const {
    const int64_t offset =
        linear_ ? x * extent.channels + c : ((n * extent.channels + c) * extent.height + y) * extent.width + x;
    return static_cast<size_t>(offset);
  }

  void position(int64_t n, int32_t c, int32_t y, int32_t x) {
    const size_t to = at(result_.extent, n, c, y, x);
    if (layer_.kind == lth::LayerKind::max_pool) {
      maximum(to, n, c, y, x);
    } else {
      const Sum sum = layer_.kind == lth::LayerKind::average ? average(n, c) : products(to, n, c, y, x);
      result_.value[to] = activate(layer_.activation, sum.value);
      result_.error[to] = activation_error(layer_.activation, sum.value, sum.bound());
    }
  }

  Sum products(size_t to, int64_t n, int32_t row, int32_t y, int32_t x) const {
    const lth::Window& window = layer_.window;
    const int32_t area = window.kernel[0] * window.kernel[1];
    const int32_t first = row / (layer_.weights.rows / layer_.group) * (layer_.channels / layer_.group);
    Sum sum;
    for (const Nonzero& nonzero : rows_[static_cast<size_t>(row)]) {
      const int32_t tap = nonzero.column % area;
      const int64_t from_y = source_row(y, tap / window.kernel[1]), from_x = source_column(x, tap % window.kernel[1]);
      if (!inside(from_y, from_x)) {
        if (!std::isfinite(nonzero.value)) sum.unsure = true;  // ONNX leaves open whether padding is zeros or nothing
        continue;
      }
      const size_t from = at(source_.extent, n, first + nonzero.column / area, from_y, from_x);
      sum.add(nonzero.value, source_.value[from], source_.error[from]);
    }
    if (layer_.bias) sum.add(1, layer_.bias[row], 0);
    if (residual_) sum.add(1, residual_->value[to], residual_->error[to]);
    return sum;
  }

  Sum average(int64_t n, int32_t c) const {
    const double share = 1.0 / (static_cast<double>(source_.extent.height) * source_.extent.width);
    Sum sum;
    for (int32_t y = 0; y < source_.extent.height; ++y) {
      for (int32_t x = 0; x < source_.extent.width; ++x) {
        const size_t from = at(source_.extent, n, c, y, x);
        sum.add(share, source_.value[from], source_.error[from]);
      }
    }
    return sum;
  }

  void maximum(size_t to, int64_t n, int32_t c, int32_t y, int32_t x) {
    double largest = -INFINITY, error = 0;
    for (int32_t ky = 0; ky < layer_.window.kernel[0]; ++ky) {
      for (int32_t kx = 0; kx < layer_.window.kernel[1]; ++kx) {
        const int64_t from_y = source_row(y, ky), from_x = source_column(x, kx);
        if (!inside(from_y, from_x)) continue;
        const size_t from = at(source_.extent, n, c, from_y, from_x);
        largest = std::max(largest, source_.value[from]);
        // Whether NaN is the largest depends on the order of comparisons.
        error = std::max(error, std::isnan(source_.value[from]) ? INFINITY : source_.error[from]);
      }
    }
    result_.value[to] = largest;
    result_.error[to] = error;
  }

  int64_t source_row(int32_t y, int32_t tap) const {
    return int64_t{y} * layer_.window.stride[0] + int64_t{tap} * layer_.window.dilation[0] - vertical_.before;
  }
  int64_t source_column(int32_t x, int32_t tap) const {
    return int64_t{x} * layer_.window.stride[1] + int64_t{tap} * layer_.window.dilation[1] - horizontal_.before;
  }
  bool inside(int64_t y, int64_t x) const {
    return y >= 0 && y < source_.extent.height && x >= 0 && x < source_.extent.width;
  }

  const bool linear_;
  const lth::Layer& layer_;
  const ReferenceValue& source_;
  const ReferenceValue* residual_;
  ReferenceValue& result_;
  std::vector<std::vector<Nonzero>> rows_;
  Axis vertical_, horizontal_;
};

ReferenceValue activation_value(const lth::Extent& extent, const std::vector<float>& numbers) {
  return {extent, std::vector<double>(numbers.begin(), numbers.end()), std::vector<double>(numbers.size(), 0.0)};
}

}  // namespace

std::vector<std::vector<Nonzero>> decode(const lth::Csr& csr) {
  std::vector<std::vector<Nonzero>> rows(static_cast<size_t>(csr.rows));
  const uint8_t* gap = static_cast<const uint8_t*>(csr.indices);
  for (int32_t row = 0; row < csr.rows; ++row) {
    int32_t cursor = 0;
    for (int64_t i = csr.indptr[row]; i < csr.indptr[row + 1]; ++i) {
      int32_t column = 0;
      if (csr.index_type == lth::IndexType::absolute16) {
        column = static_cast<const uint16_t*>(csr.indices)[i];
      } else {
        for (; *gap == 255; ++gap) cursor += 255;
        column = cursor + *gap++;
        cursor = column + 1;
      }
      rows[static_cast<size_t>(row)].push_back({column, stored_value(csr, i, row)});
    }
  }
  return rows;
}

std::vector<ReferenceValue> reference(const lth::Chain& chain, int64_t batch, const lth::Extent* extents,
                                      const std::vector<std::vector<float>>& activations) {
  const std::vector<lth::Extent> shapes = value_extents(chain, extents);
  std::vector<ReferenceValue> values;
  for (size_t i = 0; i < activations.size(); ++i) values.push_back(activation_value(extents[i], activations[i]));
  for (int32_t i = 0; i < chain.layer_count; ++i) {
    const lth::Layer& layer = chain.layers[i];
    const lth::Extent shape = shapes[static_cast<size_t>(chain.activation_count + i)];
    const size_t count = static_cast<size_t>(batch * elements(shape));
    ReferenceValue result = {shape, std::vector<double>(count), std::vector<double>(count)};
    const ReferenceValue* residual = layer.residual < 0 ? nullptr : &values[static_cast<size_t>(layer.residual)];
    LayerReference layer_reference(chain, layer, values[static_cast<size_t>(layer.source)], residual, result);
    for (int64_t n = 0; n < batch; ++n) layer_reference.image(n);
    values.push_back(std::move(result));
  }
  return values;
}

}  // namespace lth_test
