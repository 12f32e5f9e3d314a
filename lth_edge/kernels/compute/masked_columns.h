// Columns of the weights (im2col) filled through masks: where output positions lie as the input's do, what a column
// needs is the image moved by some positions, without what moves in from beside it.
#pragma once

#include "../plan/conv_plan.h"
#include "lanes.h"

namespace lth::LTH_SET {

#if LTH_MASKS

constexpr int32_t most_masked_taps = 7;  // of a window, along each axis

class MaskedColumns {
 public:
  static bool fits(const ConvPlan& plan) {
    const Window& window = plan.window;
    return window.stride[0] == 1 && window.stride[1] == 1 && plan.in.width == plan.out.width &&
           window.kernel[0] <= most_masked_taps && window.kernel[1] <= most_masked_taps;
  }

  // For output positions from `first`.
  MaskedColumns(const ConvPlan& plan, int64_t first) : plan_(plan), first_(first), down_{}, across_{} {
    const Window& window = plan.window;
    const int32_t positions = plan.out.height * plan.out.width;
    const int32_t left = positions - static_cast<int32_t>(first);
    const int32_t count = left < plan.strip_floats ? left : plan.strip_floats;
    int32_t row = static_cast<int32_t>(first) / plan.out.width, column = static_cast<int32_t>(first) % plan.out.width;
    for (int32_t i = 0; i < count; ++i) {
      const uint32_t bit = 1u << i % native_lanes;
      add(down_[i / native_lanes], bit, row - window.pad[0], window.dilation[0], window.kernel[0], plan.in.height);
      add(across_[i / native_lanes], bit, column - window.pad[1], window.dilation[1], window.kernel[1], plan.in.width);
      if (++column < plan.out.width) continue;
      column = 0;
      ++row;
    }
  }

  // (y, x) of the window, of one channel.
  LTH_MEMBER void fill(const float* plane, int32_t y, int32_t x, float* to) const {
    const Window& window = plan_.window;
    const int64_t moved = static_cast<int64_t>(y * window.dilation[0] - window.pad[0]) * plan_.in.width +
                          (x * window.dilation[1] - window.pad[1]);
    const float* const from = plane + first_ + moved;
    for (int32_t v = 0; v < plan_.tiling.vectors; ++v) {
      const uint32_t bits = down_[v][y] & across_[v][x];
      store<native_lanes>(to + v * native_lanes,
                          bits == 0 ? Vector<native_lanes>{} : load(from + v * native_lanes, mask_of(bits)));
    }
  }

 private:
  // Which taps read inside the image from position `at` on.
  static void add(uint32_t* taps, uint32_t bit, int64_t at, int32_t step, int32_t count, int32_t size) {
    for (int32_t tap = 0; tap < count; ++tap, at += step) taps[tap] |= at >= 0 && at < size ? bit : 0;
  }

  const ConvPlan& plan_;
  const int64_t first_;
  uint32_t down_[most_vectors][most_masked_taps], across_[most_vectors][most_masked_taps];
};

#endif

}  // namespace lth::LTH_SET
