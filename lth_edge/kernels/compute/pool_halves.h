// Maxima that halve an image each way: windows of 2, or of 3 with one row and column of padding before, at stride 2.
// Every input is read once, in whole vectors.
#pragma once

#include "../plan/pool_plan.h"
#include "lanes.h"

namespace lth::LTH_SET {

constexpr float below_all = -__builtin_inff();

template <class Number>
LTH_INLINE Number larger(Number a, Number b) {
  return a > b ? a : b;
}

// ---- rows of whole vectors ----

static inline bool has_whole_rows(const PoolPlan& plan) { return plan.in.width % native_lanes == 0; }

// One row of outputs, from `count` rows of inputs.
template <bool three>
LTH_INLINE void halve_rows(const float* from, int32_t count, int64_t width, float* to) {
  const Vector<native_lanes> lowest = splat<native_lanes>(below_all);
  const auto down = [&](int64_t i) {
    Vector<native_lanes> most = load<native_lanes>(from + i);
    for (int32_t row = 1; row < count; ++row) most = larger(most, load<native_lanes>(from + row * width + i));
    return most;
  };
  Vector<native_lanes> odd_before = lowest;
  for (int64_t i = 0; i < width; i += 2 * native_lanes, to += native_lanes) {
    const bool both = i + native_lanes < width;
    const Vector<native_lanes> near = down(i), far = both ? down(i + native_lanes) : lowest;
    const Vector<native_lanes> even = evens(near, far), odd = odds(near, far);
    Vector<native_lanes> most = larger(even, odd);
    if constexpr (three) most = larger(most, shifted_up(odd_before, odd));
    odd_before = odd;
    store_lanes(to, both ? all_lanes : all_lanes >> native_lanes / 2, most);
  }
}

template <bool three>
static void halve_all(const PoolPlan& plan, const HalvedRows& rows) {
  const int64_t width = plan.in.width;
  for (int32_t channel = 0; channel < rows.channels; ++channel) {
    const float* from = rows.in + channel * rows.in_plane;
    float* to = rows.out + channel * rows.out_plane;
    for (int32_t row = 0; row < rows.rows; ++row, from += 2 * width, to += plan.out.width) {
      const bool above = three && (row > 0 || rows.above);
      halve_rows<three>(above ? from - width : from, above ? 3 : 2, width, to);
    }
  }
}

// Only where rows are whole vectors.
static void halve_whole_rows(const PoolPlan& plan, const HalvedRows& rows) {
  if (plan.window.kernel[0] == 3) halve_all<true>(plan, rows);
  else halve_all<false>(plan, rows);
}

// ---- rows shorter than two vectors, several at once ----

#if defined(__AVX512F__)

// Windows of 2 in rows that fill two vectors a whole number of times: sixteen outputs come from the next 64 inputs,
// whatever planes these belong to.
class NarrowHalves {
 public:
  static bool fits(const PoolPlan& plan) { return plan.window.kernel[0] == 2 && 2 * native_lanes % plan.in.width == 0; }

  explicit NarrowHalves(const PoolPlan& plan) {
    int32_t upper[native_lanes];
    for (int32_t lane = 0; lane < native_lanes; ++lane)
      upper[lane] = lane / plan.out.width * plan.in.width + lane % plan.out.width;
    upper_ = _mm512_loadu_si512(upper);
    lower_ = _mm512_add_epi32(upper_, _mm512_set1_epi32(plan.out.width));
  }

  // `outputs` of them.
  void halve(const float* from, float* to, int64_t outputs) const {
    int64_t done = 0;
    for (; done + native_lanes <= outputs; done += native_lanes, from += 4 * native_lanes)
      store<native_lanes>(to + done,
                          outputs_of([&](int number) { return load<native_lanes>(from + number * native_lanes); }));
    if (done == outputs) return;
    const int64_t left = 4 * (outputs - done);
    const auto some = [&](int number) {
      const int64_t here = left - number * native_lanes;
      const uint32_t lanes = here >= native_lanes ? all_lanes : here <= 0 ? 0 : (1u << here) - 1;
      return load(from + number * native_lanes, mask_of(lanes));
    };
    store_lanes(to + done, (1u << (outputs - done)) - 1, outputs_of(some));
  }

 private:
  // From four vectors, input(0) ...: first across, then down.
  template <class Input>
  LTH_MEMBER Vector<native_lanes> outputs_of(Input input) const {
    const Vector<native_lanes> near = across(input(0), input(1)), far = across(input(2), input(3));
    return larger(Vector<native_lanes>(_mm512_permutex2var_ps(near, upper_, far)),
                  Vector<native_lanes>(_mm512_permutex2var_ps(near, lower_, far)));
  }

  static LTH_MEMBER Vector<native_lanes> across(Vector<native_lanes> a, Vector<native_lanes> b) {
    return larger(evens(a, b), odds(a, b));
  }

  __m512i upper_, lower_;  // places of each output's two rows
};

static bool halve_narrow(const PoolPlan& plan, const float* image, float* result, int32_t count) {
  if (!NarrowHalves::fits(plan)) return false;
  NarrowHalves(plan).halve(image, result, static_cast<int64_t>(plan.out.height) * plan.out.width * count);
  return true;
}

#else
static bool halve_narrow(const PoolPlan&, const float*, float*, int32_t) { return false; }
#endif

// `count` planes; false where it does not fit.
static bool halve(const PoolPlan& plan, const float* image, float* result, int32_t count) {
  if (!halves(plan)) return false;
  if (halve_narrow(plan, image, result, count)) return true;
  if (!has_whole_rows(plan)) return false;
  const int64_t in_plane = static_cast<int64_t>(plan.in.height) * plan.in.width;
  const int64_t out_plane = static_cast<int64_t>(plan.out.height) * plan.out.width;
  halve_whole_rows(plan, {image, in_plane, result, out_plane, plan.out.height, false, count});
  return true;
}

}  // namespace lth::LTH_SET
