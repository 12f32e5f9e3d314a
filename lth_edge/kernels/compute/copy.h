// Copies of short rows. A row's length is the same many times over, so the choice of how is made once for all rows.
#pragma once

#include "vector.h"

namespace lth::LTH_SET {

LTH_INLINE void zero(float* to, int64_t count) {
  int64_t i = 0;
  for (; i + native_lanes <= count; i += native_lanes) store<native_lanes>(to + i, Vector<native_lanes>{});
  for (; i < count; ++i) to[i] = 0.0f;
}

// The last vector overlaps the one before it: no remainder loop, nothing written or read beyond the row.
template <int lanes>
LTH_INLINE void copy_overlapping(float* to, const float* from, int64_t count) {
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store<lanes>(to + i, load<lanes>(from + i));
  if (i < count) store<lanes>(to + count - lanes, load<lanes>(from + count - lanes));
}

LTH_INLINE void copy(float* to, const float* from, int64_t count) {
  if (count >= native_lanes) return copy_overlapping<native_lanes>(to, from, count);
  if (native_lanes > 4 && count >= 4) return copy_overlapping<4>(to, from, count);
  for (int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// The even numbers of a, then the odd ones of b.
template <int lanes>
LTH_INLINE Vector<lanes> evens_then_odds(Vector<lanes> a, Vector<lanes> b) {
  if constexpr (lanes == 4) {
    return __builtin_shufflevector(a, b, 0, 2, 5, 7);
  } else if constexpr (lanes == 8) {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 9, 11, 13, 15);
  } else {
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31);
  }
}

// Every second number: the later half is loaded from one earlier, to read nothing beyond.
template <int lanes>
LTH_INLINE Vector<lanes> every_second(const float* from) {
  return evens_then_odds<lanes>(load<lanes>(from), load<lanes>(from + lanes - 1));
}

template <int lanes>
LTH_INLINE void copy_second_overlapping(float* to, const float* from, int64_t count) {
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store<lanes>(to + i, every_second<lanes>(from + 2 * i));
  if (i < count) store<lanes>(to + count - lanes, every_second<lanes>(from + 2 * (count - lanes)));
}

// to[i] = from[i x stride]
LTH_INLINE void copy_strided(float* to, const float* from, int64_t count, int64_t stride) {
  if (stride == 1) return copy(to, from, count);
  if (stride == 2 && count >= native_lanes) return copy_second_overlapping<native_lanes>(to, from, count);
  if (stride == 2 && count >= 4) return copy_second_overlapping<4>(to, from, count);
  for (int64_t i = 0; i < count; ++i) to[i] = from[i * stride];
}

}  // namespace lth::LTH_SET
