// Rows of a slab filled through masks: whatever padding a row has, each of its vectors is one load and one store.
#pragma once

#include "../plan/conv_plan.h"
#include "copy.h"
#include "lanes.h"

namespace lth::LTH_SET {

// Rows of the slab are `pitch` floats, input from `begin` to `end` and zeros beside it. The input is every stride-th of
// a row of `width`, from `first` on; `step` floats lie from one row of a phase to its next.
struct RowShape {
  int64_t pitch, begin, end, stride, first, width, step;
};

#if LTH_MASKS

// Bits of the lanes begin .. end, both counted from a vector's first lane and perhaps beyond it on either side.
LTH_INLINE uint32_t lane_bits(int64_t begin, int64_t end) {
  const int64_t low = begin < 0 ? 0 : begin < native_lanes ? begin : native_lanes;
  const int64_t high = end < low ? low : end < native_lanes ? end : native_lanes;
  return static_cast<uint32_t>((uint64_t{1} << high) - (uint64_t{1} << low));
}

// Every second bit of twice as many: where the input of each lane lies at stride 2.
LTH_INLINE uint32_t every_second_bit(uint32_t bits) {
  uint32_t result = 0;
  for (int lane = 0; lane < native_lanes / 2; ++lane) result |= (bits >> lane & 1) << (2 * lane);
  return result;
}

// The way to fill one channel's rows of one copy, row by row. Only the first and the last vector of a row may hold
// padding. `vectors` of a row, where that is known, or 0; `whole`: the pitch is a multiple of the vector.
template <int vectors, bool whole>
class MaskedRows {
 public:
  MaskedRows(const RowShape& row, const Inside& rows, int32_t total)
      : row_(row), rows_(rows), after_(total - rows.end), last_((row.pitch - 1) / native_lanes * native_lanes) {
    mask_[0] = mask_of(lane_bits(row.begin, row.end));
    mask_[1] = mask_of(lane_bits(row.begin - last_, row.end - last_));
    kept_ = mask_of(lane_bits(0, row.pitch - last_));
  }

  LTH_MEMBER void fill(float* to, const float* from) const {
    zero(to, rows_.begin * row_.pitch);
    to += rows_.begin * row_.pitch;
    from -= row_.begin;
    for (int32_t row = rows_.begin; row < rows_.end; ++row, to += row_.pitch, from += row_.step) copy(to, from);
    zero(to, after_ * row_.pitch);
  }

 private:
  LTH_MEMBER void copy(float* to, const float* from) const {
    const int64_t last = vectors == 0 ? last_ : (vectors - 1) * native_lanes;
    if (last > 0) store<native_lanes>(to, load(from, mask_[0]));
    for (int64_t i = native_lanes; i < last; i += native_lanes)
      store<native_lanes>(to + i, load<native_lanes>(from + i));
    if constexpr (whole) store<native_lanes>(to + last, load(from + last, mask_[1]));
    else store(to + last, load(from + last, mask_[1]), kept_);
  }

  RowShape row_;
  Inside rows_;
  int64_t after_, last_;
  Mask mask_[2];  // of the first and the last vector
  Mask kept_;
};

// Likewise at stride 2.
template <bool whole>
class MaskedSecondRows {
 public:
  MaskedSecondRows(const RowShape& row, const Inside& rows, int32_t total)
      : row_(row), rows_(rows), after_(total - rows.end), last_((row.pitch - 1) / native_lanes * native_lanes) {
    for (int end = 0; end < 2; ++end) {
      const int64_t at = end == 0 ? 0 : last_;
      const uint32_t bits = lane_bits(row.begin - at, row.end - at);
      low_[end] = mask_of(every_second_bit(bits));
      high_[end] = mask_of(every_second_bit(bits >> native_lanes / 2));
    }
    kept_ = mask_of(lane_bits(0, row.pitch - last_));
    all_but_last_ = mask_of(lane_bits(0, native_lanes - 1));
  }

  LTH_MEMBER void fill(float* to, const float* from) const {
    zero(to, rows_.begin * row_.pitch);
    to += rows_.begin * row_.pitch;
    from -= 2 * row_.begin;
    for (int32_t row = rows_.begin; row < rows_.end; ++row, to += row_.pitch, from += row_.step) copy(to, from);
    zero(to, after_ * row_.pitch);
  }

 private:
  LTH_MEMBER void copy(float* to, const float* from) const {
    if (last_ > 0) store<native_lanes>(to, every_second(from, low_[0], high_[0]));
    for (int64_t i = native_lanes; i < last_; i += native_lanes) {
      const Vector<native_lanes> low = load<native_lanes>(from + 2 * i);
      store<native_lanes>(to + i, evens(low, load(from + 2 * i + native_lanes, all_but_last_)));
    }
    const Vector<native_lanes> last = every_second(from + 2 * last_, low_[1], high_[1]);
    if constexpr (whole) store<native_lanes>(to + last_, last);
    else store(to + last_, last, kept_);
  }

  static LTH_MEMBER Vector<native_lanes> every_second(const float* from, Mask low, Mask high) {
    return evens(load(from, low), load(from + native_lanes, high));
  }

  RowShape row_;
  Inside rows_;
  int64_t after_, last_;
  Mask low_[2], high_[2];  // of each half of the inputs of the first and the last vector
  Mask kept_, all_but_last_;
};

// Rows narrower than a vector that lie as close in the image as in the slab: several of them in each vector.
class MaskedNarrowRows {
 public:
  MaskedNarrowRows(const RowShape& row, const Inside& rows, int32_t total)
      : begin_(rows.begin * row.pitch), before_(begin_ + row.begin), floats_(total * row.pitch) {
    uint32_t columns = 0;
    for (int32_t lane = 0; lane < native_lanes; ++lane)
      columns |= static_cast<uint32_t>(lane % row.pitch >= row.begin && lane % row.pitch < row.end) << lane;
    const int64_t end = rows.end * row.pitch;
    first_ = begin_ / native_lanes * native_lanes;
    last_ = (end > begin_ ? end - 1 : begin_) / native_lanes * native_lanes;
    columns_ = mask_of(columns);
    mask_[0] = mask_of(columns & lane_bits(begin_ - first_, end - first_));
    mask_[1] = mask_of(columns & lane_bits(begin_ - last_, end - last_));
    kept_ = mask_of(lane_bits(0, floats_ - floats_ / native_lanes * native_lanes));
  }

  LTH_MEMBER void fill(float* to, const float* from) const {
    from -= before_;
    for (int64_t i = 0; i < first_; i += native_lanes) store<native_lanes>(to + i, Vector<native_lanes>{});
    put(to, first_, load(from + first_, mask_[0]));
    for (int64_t i = first_ + native_lanes; i < last_; i += native_lanes)
      store<native_lanes>(to + i, load(from + i, columns_));
    if (last_ > first_) put(to, last_, load(from + last_, mask_[1]));
    for (int64_t i = last_ + native_lanes; i < floats_; i += native_lanes) put(to, i, Vector<native_lanes>{});
  }

 private:
  LTH_MEMBER void put(float* to, int64_t at, Vector<native_lanes> value) const {
    if (at + native_lanes <= floats_) store<native_lanes>(to + at, value);
    else store(to + at, value, kept_);
  }

  int64_t begin_, before_, floats_;
  int64_t first_, last_;  // vectors that hold input, in floats
  Mask columns_, mask_[2], kept_;
};

#endif

}  // namespace lth::LTH_SET
