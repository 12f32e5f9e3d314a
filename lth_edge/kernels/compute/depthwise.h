// Convolutions with one channel a group: the image is read in place, some output rows at a time, a vector of columns of
// each, whose sums stay in registers.
#pragma once

#include "../plan/depthwise_plan.h"
#include "activation.h"
#include "lanes.h"

namespace lth::LTH_SET {

constexpr int band_rows = 4;

// A band of output rows of one channel, and the input rows that it reads; the first row of either is that of the band.
template <int inputs>
struct DepthwiseBand {
  const float* rows[inputs];  // of the image, or of zeros
  uint32_t stored;
  const float* weights;
  float bias, low, high;
  const float* residual;  // or null
  float* out;
  int64_t width;   // from one output row to the next
  int32_t height;  // output rows there are, fewer in the last band
};

template <bool whole>
LTH_INLINE Vector<native_lanes> load_column(const float* from, uint32_t lanes) {
  if constexpr (whole) return load<native_lanes>(from);
  return load_lanes(from, lanes, Vector<native_lanes>{});
}

// For strides of 1 or 2 as many columns of the window, from one load of each input row or from two: what each column
// takes of each input row.
template <int stride, bool whole, int inputs>
LTH_INLINE void load_columns(const float* const (&rows)[inputs], int64_t left, const uint16_t* lanes,
                             Vector<native_lanes> (&columns)[stride][inputs]) {
  LTH_UNROLL
  for (int i = 0; i < inputs; ++i) {
    const Vector<native_lanes> near = load_column<whole>(rows[i] + left, lanes[0]);
    if constexpr (stride == 1) {
      columns[0][i] = near;
    } else {
      const Vector<native_lanes> far = load_column<whole>(rows[i] + left + native_lanes, lanes[1]);
      columns[0][i] = evens(near, far);
      columns[1][i] = odds(near, far);
    }
  }
}

template <bool whole, int inputs>
LTH_INLINE void finish_band(const DepthwiseBand<inputs>& band, const ColumnVector& vector,
                            const Vector<native_lanes> (&sums)[band_rows]) {
  LTH_UNROLL
  for (int row = 0; row < band_rows; ++row) {
    if (row >= band.height) continue;
    const int64_t at = row * band.width + vector.first;
    Vector<native_lanes> x = sums[row];
    if (band.residual != nullptr) x += load_column<whole>(band.residual + at, vector.stored);
    x = clip<native_lanes>(x, band.low, band.high);
    if constexpr (whole) store<native_lanes>(band.out + at, x);
    else store_lanes(band.out + at, vector.stored, x);
  }
}

// One vector of columns.
template <int kernel, int stride, bool whole, int inputs>
LTH_INLINE void convolve_band(const DepthwiseBand<inputs>& band, const ColumnVector& vector, int64_t left) {
  Vector<native_lanes> sums[band_rows];
  LTH_UNROLL
  for (int row = 0; row < band_rows; ++row) sums[row] = splat<native_lanes>(band.bias);
  LTH_UNROLL
  for (int first = 0; first < kernel; first += stride) {
    Vector<native_lanes> columns[stride][inputs];
    load_columns<stride, whole>(band.rows, left + first, vector.loaded + first, columns);
    LTH_UNROLL
    for (int x = 0; x < stride; ++x) {
      LTH_UNROLL
      for (int y = 0; y < kernel; ++y) {
        const int at = (first + x) * kernel + y;
        if (at >= kernel * kernel || (band.stored >> at & 1) == 0) continue;
        const Vector<native_lanes> weight = splat<native_lanes>(band.weights[at]);
        LTH_UNROLL
        for (int row = 0; row < band_rows; ++row) sums[row] += weight * columns[x][row * stride + y];
      }
    }
  }
  finish_band<whole>(band, vector, sums);
}

template <int kernel, int stride>
static void convolve_plane(const DepthwisePlan& plan, int32_t channel, const float* plane, const float* residual,
                           float* out) {
  constexpr int inputs = (band_rows - 1) * stride + kernel;
  const bool bounded = plan.activation.kind == ActivationKind::clip;
  DepthwiseBand<inputs> band = {};
  band.stored = plan.stored[channel];
  band.weights = plan.weights + static_cast<int64_t>(channel) * kernel * kernel;
  band.bias = plan.bias == nullptr ? 0.0f : plan.bias[channel];
  band.low = bounded ? plan.activation.low : -__builtin_inff();
  band.high = bounded ? plan.activation.high : __builtin_inff();
  band.width = plan.out.width;
  for (int32_t top = 0; top < plan.out.height; top += band_rows) {
    for (int i = 0; i < inputs; ++i) {
      const int64_t row = static_cast<int64_t>(top) * stride - plan.window.pad[0] + i;
      band.rows[i] = row >= 0 && row < plan.in.height ? plane + row * plan.in.width : plan.zeros;
    }
    band.out = out + top * band.width;
    band.residual = residual == nullptr ? nullptr : residual + top * band.width;
    band.height = plan.out.height - top;
    for (int32_t i = 0; i < plan.columns.count; ++i) {
      const ColumnVector& vector = plan.columns.vectors[i];
      const int64_t left = static_cast<int64_t>(vector.first) * stride - plan.window.pad[1];
      if (vector.whole) convolve_band<kernel, stride, true>(band, vector, left);
      else convolve_band<kernel, stride, false>(band, vector, left);
    }
  }
  if (plan.activation.kind != ActivationKind::none && !bounded)
    activate(out, static_cast<int64_t>(plan.out.height) * plan.out.width, plan.activation);
}

// Channels begin .. end.
static void depthwise(const DepthwisePlan& plan, const float* image, const float* residual, float* result,
                      int32_t begin, int32_t end) {
  const bool wide = plan.window.kernel[0] == 5, apart = plan.window.stride[0] == 2;
  const auto convolve = wide ? (apart ? convolve_plane<5, 2> : convolve_plane<5, 1>)
                             : (apart ? convolve_plane<3, 2> : convolve_plane<3, 1>);
  const int64_t in_plane = static_cast<int64_t>(plan.in.height) * plan.in.width;
  const int64_t out_plane = static_cast<int64_t>(plan.out.height) * plan.out.width;
  for (int32_t channel = begin; channel < end; ++channel)
    convolve(plan, channel, image + channel * in_plane, residual == nullptr ? nullptr : residual + channel * out_plane,
             result + channel * out_plane);
}

}  // namespace lth::LTH_SET
