// Pools that lie between convolutions of a chain.
#pragma once

#include "../plan/conv_plan.h"
#include "../plan/pool_plan.h"
#include "pool_halves.h"

namespace lth::LTH_SET {

// The rows of one row's windows that lie inside the image.
struct PoolRows {
  const float* first;
  int32_t count;
  int64_t step;  // floats from one to the next
};

static inline PoolRows pool_rows(const PoolPlan& plan, const float* plane, int32_t row) {
  const Window& window = plan.window;
  const int64_t top = static_cast<int64_t>(row) * window.stride[0] - window.pad[0];
  const Inside rows = inside(top, window.dilation[0], plan.in.height, window.kernel[0]);
  return {plane + rows.first * plan.in.width, rows.end - rows.begin,
          static_cast<int64_t>(window.dilation[0]) * plan.in.width};
}

// One vector of outputs: first down the rows, for neighbours in the image, then across.
template <int stride, bool whole>
LTH_INLINE Vector<native_lanes> maxima(const Window& window, const PoolRows& rows, const ColumnVector& vector) {
  const Vector<native_lanes> lowest = splat<native_lanes>(below_all);
  if (rows.count == 0) return lowest;
  const int64_t left = static_cast<int64_t>(vector.first) * stride - window.pad[1];
  const auto down = [&](int32_t number) {
    const auto at = [&](const float* from) {
      return whole ? load<native_lanes>(from) : load_lanes(from, vector.loaded[number], lowest);
    };
    const float* from = rows.first + left + column_load(number, stride, window.dilation[1], native_lanes);
    Vector<native_lanes> most = at(from);
    for (int32_t row = 1; row < rows.count; ++row) most = larger(most, at(from += rows.step));
    return most;
  };
  const auto across = [&](int32_t x) {
    if constexpr (stride == 1) return down(x);
    const Vector<native_lanes> near = down(x), far = down(x + 1), even = evens(near, far);
    return x + 1 < window.kernel[1] ? larger(even, odds(near, far)) : even;
  };
  Vector<native_lanes> most = across(0);
  for (int32_t x = stride; x < window.kernel[1]; x += stride) most = larger(most, across(x));
  return most;
}

template <int stride>
static void pool_plane(const PoolPlan& plan, const float* plane, float* to) {
  for (int32_t row = 0; row < plan.out.height; ++row, to += plan.out.width) {
    const PoolRows rows = pool_rows(plan, plane, row);
    for (int32_t i = 0; i < plan.columns.count; ++i) {
      const ColumnVector& vector = plan.columns.vectors[i];
      if (vector.whole) store<native_lanes>(to + vector.first, maxima<stride, true>(plan.window, rows, vector));
      else store_lanes(to + vector.first, vector.stored, maxima<stride, false>(plan.window, rows, vector));
    }
  }
}

// Windows of any kind, output by output.
static void pool_plane_singly(const PoolPlan& plan, const float* plane, float* to) {
  const Window& window = plan.window;
  for (int32_t row = 0; row < plan.out.height; ++row) {
    const PoolRows rows = pool_rows(plan, plane, row);
    for (int32_t column = 0; column < plan.out.width; ++column) {
      const int64_t left = static_cast<int64_t>(column) * window.stride[1] - window.pad[1];
      const Inside columns = inside(left, window.dilation[1], plan.in.width, window.kernel[1]);
      float most = below_all;
      for (int32_t y = 0; y < rows.count; ++y)
        for (int32_t x = 0; x < columns.end - columns.begin; ++x)
          most = larger(most, rows.first[y * rows.step + columns.first + static_cast<int64_t>(x) * window.dilation[1]]);
      *to++ = most;
    }
  }
}

// Channels begin .. end: maxima over the window, whose padding is never the largest.
static void max_pool(const PoolPlan& plan, const float* image, float* result, int32_t begin, int32_t end) {
  const auto pool = plan.columns.count == 0      ? pool_plane_singly
                    : plan.window.stride[1] == 1 ? pool_plane<1>
                                                 : pool_plane<2>;
  const int64_t in_plane = static_cast<int64_t>(plan.in.height) * plan.in.width;
  const int64_t out_plane = static_cast<int64_t>(plan.out.height) * plan.out.width;
  if (halve(plan, image + begin * in_plane, result + begin * out_plane, end - begin)) return;
  for (int32_t channel = begin; channel < end; ++channel)
    pool(plan, image + channel * in_plane, result + channel * out_plane);
}

template <int lanes>
LTH_INLINE float sum_of(Vector<lanes> x) {
  if constexpr (lanes == 4) {
    return (x[0] + x[2]) + (x[1] + x[3]);
  } else if constexpr (lanes == 8) {
    return sum_of<4>(__builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7));
  } else {
    return sum_of<8>(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                     __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15));
  }
}

// Channels begin .. end: the mean of each plane.
static void average(const PoolPlan& plan, const float* image, float* result, int32_t begin, int32_t end) {
  const int64_t count = static_cast<int64_t>(plan.in.height) * plan.in.width;
  const uint32_t rest = (1u << count % native_lanes) - 1;
  for (int32_t channel = begin; channel < end; ++channel) {
    const float* plane = image + channel * count;
    Vector<native_lanes> sums = {};
    int64_t i = 0;
    for (; i + native_lanes <= count; i += native_lanes) sums += load<native_lanes>(plane + i);
    if (rest != 0) sums += load_lanes(plane + i, rest, Vector<native_lanes>{});
    result[channel] = sum_of<native_lanes>(sums) / static_cast<float>(count);
  }
}

}  // namespace lth::LTH_SET
