// Vectors of floats in GCC's and clang's own notation: one source for every instruction set.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Loops over registers must vanish: clang keeps those of 14 and more at 512 bits unless told otherwise.
#if defined(__clang__)
#define LTH_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LTH_UNROLL _Pragma("GCC unroll 32")
#endif

#define LTH_INLINE static inline __attribute__((always_inline))
#define LTH_MEMBER inline __attribute__((always_inline))

// Sums that stay in registers, beside a weight and what products need.
#if defined(__AVX512F__) || defined(__aarch64__)
#define LTH_MOST_VECTORS 16  // of 32
#elif defined(__AVX2__)
#define LTH_MOST_VECTORS 14  // of 16; a product takes its operand from memory
#else
#define LTH_MOST_VECTORS 12  // of 16; no fused multiply-add
#endif

namespace lth::LTH_SET {

#if defined(__AVX512F__)
constexpr int native_lanes = 16;
#elif defined(__AVX2__)
constexpr int native_lanes = 8;
#else
constexpr int native_lanes = 4;
#endif
constexpr int most_vectors = LTH_MOST_VECTORS;

template <int lanes>
struct VectorOf {
  typedef float Type __attribute__((vector_size(lanes * sizeof(float))));
  typedef float Unaligned __attribute__((vector_size(lanes * sizeof(float)), aligned(4), may_alias));
};

template <int lanes>
using Vector = typename VectorOf<lanes>::Type;

template <int lanes>
LTH_INLINE Vector<lanes> load(const float* from) {
  return *reinterpret_cast<const typename VectorOf<lanes>::Unaligned*>(from);
}

template <int lanes>
LTH_INLINE void store(float* to, Vector<lanes> value) {
  *reinterpret_cast<typename VectorOf<lanes>::Unaligned*>(to) = value;
}

// The first `count` numbers, zeros in the other lanes.
LTH_INLINE Vector<native_lanes> load_first(const float* from, int count) {
  if (count == native_lanes) return load<native_lanes>(from);
  Vector<native_lanes> value = {};
  for (int i = 0; i < count; ++i) value[i] = from[i];
  return value;
}

LTH_INLINE void store_first(float* to, Vector<native_lanes> value, int count) {
  if (count == native_lanes) return store<native_lanes>(to, value);
  for (int i = 0; i < count; ++i) to[i] = value[i];
}

template <int lanes>
LTH_INLINE Vector<lanes> splat(float value) {
  return value - Vector<lanes>{};
}

// The even numbers of a, then those of b.
LTH_INLINE Vector<native_lanes> evens(Vector<native_lanes> a, Vector<native_lanes> b) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6);
#endif
}

// The odd numbers of a, then those of b.
LTH_INLINE Vector<native_lanes> odds(Vector<native_lanes> a, Vector<native_lanes> b) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif defined(__AVX2__)
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

// One lane up: the last of those before comes first.
LTH_INLINE Vector<native_lanes> shifted_up(Vector<native_lanes> before, Vector<native_lanes> x) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(before, x, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
#elif defined(__AVX2__)
  return __builtin_shufflevector(before, x, 7, 8, 9, 10, 11, 12, 13, 14);
#else
  return __builtin_shufflevector(before, x, 3, 4, 5, 6);
#endif
}

// One lane down: the first of those after comes last.
LTH_INLINE Vector<native_lanes> shifted_down(Vector<native_lanes> x, Vector<native_lanes> after) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(x, after, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
#elif defined(__AVX2__)
  return __builtin_shufflevector(x, after, 1, 2, 3, 4, 5, 6, 7, 8);
#else
  return __builtin_shufflevector(x, after, 1, 2, 3, 4);
#endif
}

}  // namespace lth::LTH_SET
