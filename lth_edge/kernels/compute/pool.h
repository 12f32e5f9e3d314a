// Pools that lie between convolutions of a chain.
#pragma once

#include "pack.h"

namespace lth::LTH_SET {

LTH_INLINE float larger(float a, float b) { return a > b ? a : b; }

// The maximum of one window at any position: only what lies inside the image counts.
static inline float maximum_at(const Window& window, Extent in, const float* plane, int64_t top, int64_t left) {
  float most = -__builtin_inff();
  for (int32_t y = 0; y < window.kernel[0]; ++y) {
    const int64_t row = top + static_cast<int64_t>(y) * window.dilation[0];
    for (int32_t x = 0; x < window.kernel[1] && row >= 0 && row < in.height; ++x) {
      const int64_t column = left + static_cast<int64_t>(x) * window.dilation[1];
      if (column >= 0 && column < in.width) most = larger(most, plane[row * in.width + column]);
    }
  }
  return most;
}

// Positions whose whole window lies inside the image, a vector of them at a time; strides 1 and 2.
LTH_INLINE void maxima_inside(const Window& window, Extent in, const float* from, float* to) {
  using Maxima = Vector<native_lanes>;
  const int64_t down = static_cast<int64_t>(window.dilation[0]) * in.width;
  const auto column = [&](int64_t x) {  // maxima of one column of the window, for neighbours in the input
    Maxima most = load<native_lanes>(from + x);
    for (int32_t y = 1; y < window.kernel[0]; ++y) {
      const Maxima here = load<native_lanes>(from + x + y * down);
      most = most > here ? most : here;
    }
    return most;
  };
  if (window.stride[1] == 2 && window.kernel[1] == 2 && window.dilation[1] == 1) {
    const Maxima low = column(0), high = column(native_lanes);
    const Maxima even = evens(low, high), odd = odds(low, high);
    return store<native_lanes>(to, even > odd ? even : odd);
  }
  Maxima most = splat<native_lanes>(-__builtin_inff());
  for (int32_t x = 0; x < window.kernel[1]; ++x) {
    const int64_t at = static_cast<int64_t>(x) * window.dilation[1];
    // Every second maximum of twice as many neighbours; the later half from one earlier, to read nothing beyond.
    const Maxima here =
        window.stride[1] == 1 ? column(at) : evens_then_odds<native_lanes>(column(at), column(at + native_lanes - 1));
    most = most > here ? most : here;
  }
  store<native_lanes>(to, most);
}

// Output positions whose columns, and rows, all lie inside the image.
static inline Inside all_inside(const Window& window, int axis, int32_t in, int32_t out) {
  const int64_t first = -static_cast<int64_t>(window.pad[axis]);
  const int64_t last = first + static_cast<int64_t>(window.kernel[axis] - 1) * window.dilation[axis];
  const Inside a = inside(first, window.stride[axis], in, out), b = inside(last, window.stride[axis], in, out);
  return {a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end, 0};
}

// Channels begin .. end: maxima over the window, whose padding is never the largest.
static void max_pool(const Window& window, Extent in, Extent out, const float* image, float* result, int32_t begin,
                     int32_t end) {
  const Inside rows = all_inside(window, 0, in.height, out.height),
               columns = all_inside(window, 1, in.width, out.width);
  const bool vectors = window.stride[1] <= 2 && columns.end - columns.begin >= native_lanes;
  for (int32_t channel = begin; channel < end; ++channel) {
    const float* plane = image + static_cast<int64_t>(channel) * in.height * in.width;
    float* to = result + static_cast<int64_t>(channel) * out.height * out.width;
    for (int32_t row = 0; row < out.height; ++row, to += out.width) {
      const int64_t top = static_cast<int64_t>(row) * window.stride[0] - window.pad[0];
      const auto left = [&](int32_t column) { return static_cast<int64_t>(column) * window.stride[1] - window.pad[1]; };
      const bool whole = vectors && row >= rows.begin && row < rows.end;
      const int32_t first = whole ? columns.begin : out.width;
      for (int32_t column = 0; column < first; ++column) to[column] = maximum_at(window, in, plane, top, left(column));
      if (!whole) continue;
      for (int32_t column = first; column < columns.end; column += native_lanes) {
        const int32_t at = column + native_lanes <= columns.end ? column : columns.end - native_lanes;
        maxima_inside(window, in, plane + top * in.width + left(at), to + at);
      }
      for (int32_t column = columns.end; column < out.width; ++column)
        to[column] = maximum_at(window, in, plane, top, left(column));
    }
  }
}

// Channels begin .. end: the mean of each plane.
static void average(Extent in, const float* image, float* result, int32_t begin, int32_t end) {
  const int64_t count = static_cast<int64_t>(in.height) * in.width;
  for (int32_t channel = begin; channel < end; ++channel) {
    const float* plane = image + channel * count;
    Vector<native_lanes> sums = {};
    int64_t i = 0;
    for (; i + native_lanes <= count; i += native_lanes) sums += load<native_lanes>(plane + i);
    float sum = 0.0f;
    for (; i < count; ++i) sum += plane[i];
    LTH_UNROLL
    for (int lane = 0; lane < native_lanes; ++lane) sum += sums[lane];
    result[channel] = sum / static_cast<float>(count);
  }
}

}  // namespace lth::LTH_SET
