// Tokens to planes and back: [tokens, channels] to [channels, tile] and the other way.
#pragma once

#include "vector.h"

namespace lth::LTH_SET {

// 4 x 4 in registers.
LTH_INLINE void transpose_four(const float* from, int64_t from_pitch, float* to, int64_t to_pitch) {
  const Vector<4> a = load<4>(from), b = load<4>(from + from_pitch);
  const Vector<4> c = load<4>(from + 2 * from_pitch), d = load<4>(from + 3 * from_pitch);
  const Vector<4> ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
                  ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Vector<4> cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5),
                  cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store<4>(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store<4>(to + to_pitch, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store<4>(to + 2 * to_pitch, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store<4>(to + 3 * to_pitch, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

#if defined(__AVX2__)
LTH_INLINE void transpose_eight(const float* from, int64_t from_pitch, float* to, int64_t to_pitch) {
  Vector<8> rows[8], pairs[8], quads[8];
  LTH_UNROLL
  for (int i = 0; i < 8; ++i) rows[i] = load<8>(from + i * from_pitch);
  LTH_UNROLL
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  LTH_UNROLL
  for (int i = 0; i < 8; i += 4) {
    LTH_UNROLL
    for (int j = 0; j < 2; ++j) {
      quads[i + 2 * j] = __builtin_shufflevector(pairs[i + j], pairs[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      quads[i + 2 * j + 1] = __builtin_shufflevector(pairs[i + j], pairs[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  LTH_UNROLL
  for (int i = 0; i < 4; ++i) {
    store<8>(to + i * to_pitch, __builtin_shufflevector(quads[i], quads[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
    store<8>(to + (i + 4) * to_pitch, __builtin_shufflevector(quads[i], quads[i + 4], 4, 5, 6, 7, 12, 13, 14, 15));
  }
}
#endif

// to[column x to_pitch + row] = from[row x from_pitch + column]
static void transpose(const float* from, int64_t from_pitch, int64_t rows, int64_t columns, float* to,
                      int64_t to_pitch) {
#if defined(__AVX2__)
  constexpr int64_t side = 8;
#define LTH_TRANSPOSE transpose_eight
#else
  constexpr int64_t side = 4;
#define LTH_TRANSPOSE transpose_four
#endif
  int64_t row = 0;
  for (; row + side <= rows; row += side) {
    int64_t column = 0;
    for (; column + side <= columns; column += side)
      LTH_TRANSPOSE(from + row * from_pitch + column, from_pitch, to + column * to_pitch + row, to_pitch);
    for (; column < columns; ++column)
      for (int64_t i = 0; i < side; ++i) to[column * to_pitch + row + i] = from[(row + i) * from_pitch + column];
  }
#undef LTH_TRANSPOSE
  for (; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) to[column * to_pitch + row] = from[row * from_pitch + column];
}

}  // namespace lth::LTH_SET
