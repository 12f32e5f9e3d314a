// Packing a tile's inputs into the slab, padding filled in with zeros.
#pragma once

#include "../measure/mark.h"
#include "../plan/conv_plan.h"
#include "masked_columns.h"
#include "masked_rows.h"

namespace lth::LTH_SET {

// Any row: zeros, and over them the input.
template <class Copy>
LTH_INLINE void fill_row(float* to, const float* from, const RowShape& row, Copy copy_input) {
  const int64_t after = row.pitch - row.end;
  // The zeros behind a row are one vector, which the input then overwrites from the left.
  if (after > 0 && after <= native_lanes && row.pitch >= native_lanes)
    store<native_lanes>(to + row.pitch - native_lanes, Vector<native_lanes>{});
  else zero(to + row.end, after);
  for (int64_t i = 0; i < row.begin; ++i) to[i] = 0.0f;
  copy_input(to + row.begin, from, row.end - row.begin);
}

// Rows of whole vectors with at most one zero at one end, the common window of 3: every store is aligned, none is done
// twice. A row with a zero before is read one float beyond what is kept, a row with a zero after one float before.
template <bool zero_before, bool zero_after>
LTH_INLINE void fill_vectors(float* to, const float* from, int64_t pitch) {
  constexpr int64_t lanes = native_lanes;
  const int64_t last = pitch - lanes;
  const float* const start = from - (zero_before ? 1 : 0);
  if constexpr (zero_before) store<lanes>(to, shifted_up(Vector<lanes>{}, load<lanes>(from)));
  for (int64_t i = zero_before ? lanes : 0; i < (zero_after ? last : pitch); i += lanes)
    store<lanes>(to + i, load<lanes>(start + i));
  if constexpr (zero_after) store<lanes>(to + last, shifted_down(load<lanes>(start + last - 1), Vector<lanes>{}));
}

// Calls use(fill) with the way to fill rows of this shape, chosen once for all of them.
template <class Use>
LTH_INLINE void with_fill(const RowShape& row, Use use) {
  const int64_t count = row.end - row.begin;
  const bool vectors = row.stride == 1 && row.pitch % native_lanes == 0;
  if (vectors && count == row.pitch) {
    use([=](float* to, const float* from) { fill_vectors<false, false>(to, from, row.pitch); });
  } else if (vectors && count == row.pitch - 1 && row.begin == 1 && row.first + row.pitch <= row.width) {
    use([=](float* to, const float* from) { fill_vectors<true, false>(to, from, row.pitch); });
  } else if (vectors && count == row.pitch - 1 && row.begin == 0 && row.first > 0) {
    use([=](float* to, const float* from) { fill_vectors<false, true>(to, from, row.pitch); });
  } else if (row.stride == 1 && count >= native_lanes) {
    use([=](float* to, const float* from) { fill_row(to, from, row, copy_overlapping<native_lanes>); });
  } else if (row.stride == 1 && count >= 4) {
    use([=](float* to, const float* from) { fill_row(to, from, row, copy_overlapping<4>); });
  } else if (row.stride == 2 && count >= native_lanes) {
    use([=](float* to, const float* from) { fill_row(to, from, row, copy_second_overlapping<native_lanes>); });
  } else if (row.stride == 2 && count >= 4) {
    use([=](float* to, const float* from) { fill_row(to, from, row, copy_second_overlapping<4>); });
  } else {
    use([=](float* to, const float* from) {
      fill_row(to, from, row, [=](float* a, const float* b, int64_t n) { copy_strided(a, b, n, row.stride); });
    });
  }
}

LTH_INLINE RowShape row_shape(const ConvPlan& plan, int32_t copy) {
  const Inside& part = plan.parts[copy];
  const int64_t width = plan.in.width;
  return {plan.tiling.pitch, part.begin, part.end, plan.window.stride[1], part.first, width, width * plan.phases.count};
}

// Which of a phase's rows in the slab lie inside the image, for output rows from `top`.
LTH_INLINE Inside rows_inside(const ConvPlan& plan, int32_t phase, int32_t top) {
  const int64_t first = static_cast<int64_t>(top) * plan.phases.count + phase - plan.window.pad[0];
  return inside(first, plan.phases.count, plan.in.height, plan.phases.rows[phase]);
}

#if LTH_MASKS
constexpr int32_t most_masked = 8;  // copies

// Channel by channel, so that what several copies read is still near.
template <class Rows>
void pack_masked(const ConvPlan& plan, const float* planes, int32_t channels, int32_t top, float* slab) {
  const int64_t plane = static_cast<int64_t>(plan.in.width) * plan.in.height;
  for (int32_t phase = 0; phase < plan.phases.count; ++phase) {
    const Inside rows = rows_inside(plan, phase, top);
    alignas(Rows) unsigned char memory[most_masked][sizeof(Rows)];
    for (int32_t copy = 0; copy < plan.copies; ++copy)
      *reinterpret_cast<Rows*>(memory[copy]) = Rows(row_shape(plan, copy), rows, plan.phases.rows[phase]);
    const float* from = planes + rows.first * plan.in.width;
    float* to = slab + plan.phases.begin[phase] * plan.tiling.pitch;
    for (int32_t channel = 0; channel < channels; ++channel, to += plan.item_floats, from += plane) {
      for (int32_t copy = 0; copy < plan.copies; ++copy) {
        // A copy: what is stored could otherwise change it, as far as a compiler knows.
        const Rows filler = *reinterpret_cast<const Rows*>(memory[copy]);
        filler.fill(to + copy * plan.copy_floats, from + plan.parts[copy].first);
      }
    }
  }
}

LTH_INLINE bool are_narrow(const ConvPlan& plan) {
  return are_narrow(plan.window, plan.in, plan.tiling.pitch, native_lanes);
}

LTH_INLINE bool fits_masks(const ConvPlan& plan) {
  const int64_t pitch = plan.tiling.pitch, last = (pitch - 1) / native_lanes * native_lanes;
  if (plan.copies > most_masked || plan.window.stride[1] > 2) return false;
  if (!LTH_FAST_MASKED_STORES && pitch % native_lanes != 0 && !are_narrow(plan)) return false;
  for (int32_t copy = 0; copy < plan.copies; ++copy) {
    const Inside& part = plan.parts[copy];
    if (part.begin > native_lanes || part.end < last || part.begin == part.end) return false;
  }
  return true;
}

static bool pack_planes_masked(const ConvPlan& plan, const float* planes, int32_t channels, int32_t top, float* slab) {
  if (!fits_masks(plan)) return false;
  const int32_t pitch = plan.tiling.pitch;
  const auto pack_as = [&](auto pack) { pack(plan, planes, channels, top, slab); };
  if (are_narrow(plan)) pack_as(pack_masked<MaskedNarrowRows>);
  else if (plan.window.stride[1] == 2 && pitch % native_lanes == 0) pack_as(pack_masked<MaskedSecondRows<true>>);
  else if (plan.window.stride[1] == 2) pack_as(pack_masked<MaskedSecondRows<false>>);
  else if (pitch == native_lanes) pack_as(pack_masked<MaskedRows<1, true>>);
  else if (pitch == 2 * native_lanes) pack_as(pack_masked<MaskedRows<2, true>>);
  else if (pitch % native_lanes == 0) pack_as(pack_masked<MaskedRows<0, true>>);
  else pack_as(pack_masked<MaskedRows<0, false>>);
  return true;
}
#else
static bool pack_planes_masked(const ConvPlan&, const float*, int32_t, int32_t, float*) { return false; }
#endif

// Methods rows and shifted: `channels` input planes, for output rows from `top`.
static inline void pack_planes(const ConvPlan& plan, const float* planes, int32_t channels, int32_t top, float* slab) {
  if (pack_planes_masked(plan, planes, channels, top, slab)) return;
  const int64_t pitch = plan.tiling.pitch, width = plan.in.width, plane = width * plan.in.height;
  for (int32_t copy = 0; copy < plan.copies; ++copy) {
    const RowShape shape = row_shape(plan, copy);
    for (int32_t phase = 0; phase < plan.phases.count; ++phase) {
      const int32_t total = plan.phases.rows[phase];
      Inside rows = rows_inside(plan, phase, top);
      if (shape.begin == shape.end) rows.begin = rows.end = total;  // a column of nothing but padding
      float* to = slab + copy * plan.copy_floats + plan.phases.begin[phase] * pitch;
      const float* from = planes + rows.first * width + shape.first;
      with_fill(shape, [&](auto fill) {
        for (int32_t channel = 0; channel < channels; ++channel, to += plan.item_floats, from += plane) {
          zero(to, rows.begin * pitch);
          for (int32_t row = rows.begin; row < rows.end; ++row)
            fill(to + row * pitch, from + (row - rows.begin) * shape.step);
          zero(to + rows.end * pitch, (total - rows.end) * pitch);
        }
      });
    }
  }
}

// Method columns: one column of the weights, (y, x) of the window, for output positions from `first`.
static inline void pack_column(const ConvPlan& plan, const float* plane, int32_t y, int32_t x, int64_t first,
                               float* slab) {
  const Window& window = plan.window;
  const int64_t positions = static_cast<int64_t>(plan.out.height) * plan.out.width;
  const int64_t left = positions - first;
  const int32_t count = static_cast<int32_t>(left < plan.strip_floats ? left : plan.strip_floats);
  const int64_t stride = window.stride[1], shift = static_cast<int64_t>(x) * window.dilation[1] - window.pad[1];
  int32_t row = static_cast<int32_t>(first / plan.out.width), begin = static_cast<int32_t>(first % plan.out.width);
  int32_t done = 0;
  while (done < count) {
    const int32_t here = plan.out.width - begin < count - done ? plan.out.width - begin : count - done;
    const int64_t in_row =
        static_cast<int64_t>(row) * window.stride[0] + static_cast<int64_t>(y) * window.dilation[0] - window.pad[0];
    const Inside part = inside(shift + begin * stride, stride, plan.in.width, here);
    if (in_row < 0 || in_row >= plan.in.height || part.begin == part.end) {
      zero(slab + done, here);
    } else {
      zero(slab + done, part.begin);
      copy_strided(slab + done + part.begin, plane + in_row * plan.in.width + part.first, part.end - part.begin,
                   stride);
      zero(slab + done + part.end, here - part.end);
    }
    done += here;
    begin = 0;
    ++row;
  }
  zero(slab + count, plan.strip_floats - count);
}

// Columns begin .. end of the weights, for output positions from `first`.
static inline void pack_columns(const ConvPlan& plan, const float* planes, int32_t begin, int32_t end, int64_t first,
                                float* slab) {
  const int64_t plane = static_cast<int64_t>(plan.in.height) * plan.in.width;
  const int32_t width = plan.window.kernel[1], window_size = plan.window.kernel[0] * width;
  const auto fill_with = [&](auto fill) {
    for (int32_t column = begin; column < end; ++column, slab += plan.item_floats) {
      const int32_t tap = column % window_size;
      fill(planes + column / window_size * plane, tap / width, tap % width, slab);
    }
  };
#if LTH_MASKS
  if (MaskedColumns::fits(plan)) {
    const MaskedColumns columns(plan, first);
    return fill_with([&](const float* from, int32_t y, int32_t x, float* to) { columns.fill(from, y, x, to); });
  }
#endif
  fill_with([&](const float* from, int32_t y, int32_t x, float* to) { pack_column(plan, from, y, x, first, to); });
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
  LTH_MARK(pack, (end - begin) * plan.item_floats);
  zero(slab + zeros_begin(plan), zeros_floats(plan));
  if (plan.tiling.method != Method::columns) {
    pack_planes(plan, channels + begin * plane, end - begin, tile * plan.tiling.rows, slab);
  } else if (reads_in_place(plan.window)) {
    for (int32_t channel = begin; channel < end; ++channel, slab += plan.item_floats)
      pack_run(plan, channels + channel * plane, first, slab);
  } else {
    pack_columns(plan, channels, begin, end, first, slab);
  }
}

}  // namespace lth::LTH_SET
