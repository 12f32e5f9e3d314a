// Packing a tile's inputs into the slab, padding filled in with zeros.
#pragma once

#include "../plan/conv_plan.h"
#include "copy.h"

namespace lth::LTH_SET {

// Calls use(copy_row) with the way to copy rows of `count` floats, every stride-th one of the input.
template <class Use>
LTH_INLINE void with_copy(int64_t count, int64_t stride, Use use) {
  if (stride == 1 && count >= native_lanes)
    use([=](float* to, const float* from) { copy_overlapping<native_lanes>(to, from, count); });
  else if (stride == 1 && count >= 4)
    use([=](float* to, const float* from) { copy_overlapping<4>(to, from, count); });
  else if (stride == 2 && count >= native_lanes)
    use([=](float* to, const float* from) { copy_second_overlapping<native_lanes>(to, from, count); });
  else if (stride == 2 && count >= 4)
    use([=](float* to, const float* from) { copy_second_overlapping<4>(to, from, count); });
  else
    use([=](float* to, const float* from) { copy_strided(to, from, count, stride); });
}

// Rows of a copy: to[row x pitch + begin ..) = from[row x from_pitch + i x stride], zeros beside it.
template <class CopyRow>
LTH_INLINE void pack_rows(float* to, int64_t pitch, const float* from, int64_t from_pitch, int32_t rows, const Inside& part,
                          CopyRow copy_row) {
  const int64_t after = pitch - part.end;
  for (int32_t row = 0; row < rows; ++row, to += pitch, from += from_pitch) {
    // The zeros behind a row are one vector, which the row then overwrites from the left.
    if (after > 0 && after <= native_lanes && pitch >= native_lanes) store<native_lanes>(to + pitch - native_lanes, Vector<native_lanes>{});
    else zero(to + part.end, after);
    for (int32_t i = 0; i < part.begin; ++i) to[i] = 0.0f;
    copy_row(to + part.begin, from);
  }
}

// Methods rows and shifted: `channels` input planes, for output rows from `top`.
static inline void pack_planes(const ConvPlan& plan, const float* planes, int32_t channels, int32_t top, float* slab) {
  const Window& window = plan.window;
  const Phases& phases = plan.phases;
  const int64_t pitch = plan.tiling.pitch, width = plan.in.width, plane = width * plan.in.height;
  for (int32_t copy = 0; copy < plan.copies; ++copy) {
    const Inside part = plan.parts[copy];
    for (int32_t phase = 0; phase < phases.count; ++phase) {
      const int64_t first = static_cast<int64_t>(top) * phases.count + phase - window.pad[0];
      Inside rows = inside(first, phases.count, plan.in.height, phases.rows[phase]);
      if (part.begin == part.end) rows.begin = rows.end = phases.rows[phase];  // a column of nothing but padding
      float* to = slab + copy * plan.copy_floats + phases.begin[phase] * pitch;
      const float* from = planes + rows.first * width + part.first;
      with_copy(part.end - part.begin, window.stride[1], [&](auto copy_row) {
        for (int32_t channel = 0; channel < channels; ++channel, to += plan.item_floats, from += plane) {
          zero(to, rows.begin * pitch);
          pack_rows(to + rows.begin * pitch, pitch, from, width * phases.count, rows.end - rows.begin, part, copy_row);
          zero(to + rows.end * pitch, (phases.rows[phase] - rows.end) * pitch);
        }
      });
    }
  }
}

// Method columns: one column of the weights, (y, x) of the window, for output positions from `first`.
static inline void pack_column(const ConvPlan& plan, const float* plane, int32_t y, int32_t x, int64_t first, float* slab) {
  const Window& window = plan.window;
  const int64_t positions = static_cast<int64_t>(plan.out.height) * plan.out.width;
  const int64_t left = positions - first;
  const int32_t count = static_cast<int32_t>(left < plan.strip_floats ? left : plan.strip_floats);
  const int64_t stride = window.stride[1], shift = static_cast<int64_t>(x) * window.dilation[1] - window.pad[1];
  int32_t row = static_cast<int32_t>(first / plan.out.width), begin = static_cast<int32_t>(first % plan.out.width);
  int32_t done = 0;
  while (done < count) {
    const int32_t here = plan.out.width - begin < count - done ? plan.out.width - begin : count - done;
    const int64_t in_row = static_cast<int64_t>(row) * window.stride[0] + static_cast<int64_t>(y) * window.dilation[0] - window.pad[0];
    const Inside part = inside(shift + begin * stride, stride, plan.in.width, here);
    if (in_row < 0 || in_row >= plan.in.height || part.begin == part.end) {
      zero(slab + done, here);
    } else {
      zero(slab + done, part.begin);
      copy_strided(slab + done + part.begin, plane + in_row * plan.in.width + part.first, part.end - part.begin, stride);
      zero(slab + done + part.end, here - part.end);
    }
    done += here;
    begin = 0;
    ++row;
  }
  zero(slab + count, plan.strip_floats - count);
}

// A window of 1 with stride 1 and no padding: positions are the input's own.
static inline void pack_run(const ConvPlan& plan, const float* plane, int64_t first, float* slab) {
  const int64_t left = static_cast<int64_t>(plan.in.height) * plan.in.width - first;
  const int64_t count = left < plan.strip_floats ? left : plan.strip_floats;
  copy(slab, plane + first, count);
  zero(slab + count, plan.strip_floats - count);
}

static inline bool reads_in_place(const Window& window) {
  return window.kernel[0] == 1 && window.kernel[1] == 1 && window.stride[0] == 1 && window.stride[1] == 1 &&
         window.pad[0] == 0 && window.pad[1] == 0 && window.pad[2] == 0 && window.pad[3] == 0;
}

// One block of a tile of one group, whose first channel is channels[0].
static inline void pack_block(const ConvPlan& plan, const float* channels, int32_t tile, int32_t block, float* slab) {
  const int32_t begin = block * plan.tiling.block;
  const int32_t end = plan.items - begin < plan.tiling.block ? plan.items : begin + plan.tiling.block;
  const int64_t plane = static_cast<int64_t>(plan.in.height) * plan.in.width;
  const int64_t first = static_cast<int64_t>(tile) * plan.strip_floats;
  if (plan.tiling.method != Method::columns) {
    pack_planes(plan, channels + begin * plane, end - begin, tile * plan.tiling.rows, slab);
  } else if (reads_in_place(plan.window)) {
    for (int32_t channel = begin; channel < end; ++channel, slab += plan.item_floats)
      pack_run(plan, channels + channel * plane, first, slab);
  } else {
    const int32_t width = plan.window.kernel[1], window_size = plan.window.kernel[0] * width;
    for (int32_t column = begin; column < end; ++column, slab += plan.item_floats) {
      const int32_t at = column % window_size;
      pack_column(plan, channels + column / window_size * plane, at / width, at % width, first, slab);
    }
  }
}

}  // namespace lth::LTH_SET
