// Loads and stores of some lanes of a vector, a bit a lane: what lies at the others is neither read nor written.
#pragma once

#include "vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// LTH_MASKS: a set has instructions for it. LTH_FAST_MASKED_STORES: its stores are fast on every CPU.
#if defined(__AVX512F__)
#define LTH_MASKS 1
#define LTH_FAST_MASKED_STORES 1
#elif defined(__AVX2__)
#define LTH_MASKS 1
#define LTH_FAST_MASKED_STORES 0
#else
#define LTH_MASKS 0
#define LTH_FAST_MASKED_STORES 0
#endif

namespace lth::LTH_SET {

constexpr uint32_t all_lanes = (1u << native_lanes) - 1;

#if defined(__AVX512F__)

using Mask = __mmask16;

LTH_INLINE Mask mask_of(uint32_t lanes) { return static_cast<Mask>(lanes); }

LTH_INLINE Vector<native_lanes> load(const float* from, Mask mask) { return _mm512_maskz_loadu_ps(mask, from); }

LTH_INLINE void store(float* to, Vector<native_lanes> x, Mask mask) { _mm512_mask_storeu_ps(to, mask, x); }

LTH_INLINE Vector<native_lanes> load_lanes(const float* from, uint32_t lanes, Vector<native_lanes> others) {
  return _mm512_mask_loadu_ps(others, mask_of(lanes), from);
}

#elif defined(__AVX2__)

using Mask = __m256i;

LTH_INLINE Mask mask_of(uint32_t lanes) {
  const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(lanes)), bits), bits);
}

LTH_INLINE Vector<native_lanes> load(const float* from, Mask mask) { return _mm256_maskload_ps(from, mask); }

LTH_INLINE void store(float* to, Vector<native_lanes> x, Mask mask) { _mm256_maskstore_ps(to, mask, x); }

LTH_INLINE Vector<native_lanes> load_lanes(const float* from, uint32_t lanes, Vector<native_lanes> others) {
  const Mask mask = mask_of(lanes);
  return _mm256_blendv_ps(others, load(from, mask), _mm256_castsi256_ps(mask));
}

#else

LTH_INLINE Vector<native_lanes> load_lanes(const float* from, uint32_t lanes, Vector<native_lanes> others) {
  if (lanes == all_lanes) return load<native_lanes>(from);
  for (int lane = 0; lane < native_lanes; ++lane)
    if ((lanes >> lane & 1) != 0) others[lane] = from[lane];
  return others;
}

LTH_INLINE void store_lanes(float* to, uint32_t lanes, Vector<native_lanes> x) {
  if (lanes == all_lanes) return store<native_lanes>(to, x);
  for (int lane = 0; lane < native_lanes; ++lane)
    if ((lanes >> lane & 1) != 0) to[lane] = x[lane];
}

#endif

#if LTH_MASKS
LTH_INLINE void store_lanes(float* to, uint32_t lanes, Vector<native_lanes> x) {
  if (!LTH_FAST_MASKED_STORES && lanes == all_lanes) return store<native_lanes>(to, x);
  store(to, x, mask_of(lanes));
}
#endif

}  // namespace lth::LTH_SET
