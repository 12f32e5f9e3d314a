// Pools that lie between convolutions of a chain.
#pragma once

#include "pack.h"

namespace lth::LTH_SET {

LTH_INLINE void maximum(float* to, const float* from, int64_t count, int64_t stride) {
  int64_t i = 0;
  if (stride <= 2) {
    for (; i + native_lanes <= count; i += native_lanes) {
      const Vector<native_lanes> a = load<native_lanes>(to + i);
      const Vector<native_lanes> b =
          stride == 1 ? load<native_lanes>(from + i) : every_second<native_lanes>(from + 2 * i);
      store<native_lanes>(to + i, a > b ? a : b);
    }
  }
  for (; i < count; ++i) to[i] = to[i] > from[i * stride] ? to[i] : from[i * stride];
}

// Channels begin .. end: maxima over the window, whose padding is never the largest.
static void max_pool(const Window& window, Extent in, Extent out, const float* image, float* result, int32_t begin, int32_t end) {
  for (int32_t channel = begin; channel < end; ++channel) {
    const float* plane = image + static_cast<int64_t>(channel) * in.height * in.width;
    float* to = result + static_cast<int64_t>(channel) * out.height * out.width;
    for (int32_t row = 0; row < out.height; ++row, to += out.width) {
      for (int32_t i = 0; i < out.width; ++i) to[i] = -__builtin_inff();
      for (int32_t y = 0; y < window.kernel[0]; ++y) {
        const int64_t from = static_cast<int64_t>(row) * window.stride[0] + static_cast<int64_t>(y) * window.dilation[0] - window.pad[0];
        if (from < 0 || from >= in.height) continue;
        for (int32_t x = 0; x < window.kernel[1]; ++x) {
          const Inside part = inside(static_cast<int64_t>(x) * window.dilation[1] - window.pad[1], window.stride[1], in.width, out.width);
          if (part.begin < part.end)
            maximum(to + part.begin, plane + from * in.width + part.first, part.end - part.begin, window.stride[1]);
        }
      }
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
    LTH_UNROLL for (int lane = 0; lane < native_lanes; ++lane) sum += sums[lane];
    result[channel] = sum / static_cast<float>(count);
  }
}

}  // namespace lth::LTH_SET
