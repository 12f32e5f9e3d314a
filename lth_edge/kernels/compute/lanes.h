// Loads and stores of some lanes of a vector, a bit a lane: what lies at the others is neither read nor written.
#pragma once

#include "vector.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace lth::LTH_SET {

constexpr uint32_t all_lanes = (1u << native_lanes) - 1;

#if defined(__AVX512F__)

LTH_INLINE Vector<native_lanes> load_lanes(const float* from, uint32_t lanes, Vector<native_lanes> others) {
  return _mm512_mask_loadu_ps(others, static_cast<__mmask16>(lanes), from);
}

LTH_INLINE void store_lanes(float* to, uint32_t lanes, Vector<native_lanes> x) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>(lanes), x);
}

#elif defined(__AVX2__)

typedef int32_t LaneMask __attribute__((vector_size(32)));

LTH_INLINE LaneMask lane_mask(uint32_t lanes) {
  const LaneMask bits = {1, 2, 4, 8, 16, 32, 64, 128};
  return (bits & static_cast<int32_t>(lanes)) == bits;
}

LTH_INLINE Vector<native_lanes> load_lanes(const float* from, uint32_t lanes, Vector<native_lanes> others) {
  const LaneMask mask = lane_mask(lanes);
  const Vector<native_lanes> x = _mm256_maskload_ps(from, reinterpret_cast<__m256i>(mask));
  return mask ? x : others;
}

LTH_INLINE void store_lanes(float* to, uint32_t lanes, Vector<native_lanes> x) {
  if (lanes == all_lanes) return store<native_lanes>(to, x);
  _mm256_maskstore_ps(to, reinterpret_cast<__m256i>(lane_mask(lanes)), x);
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

}  // namespace lth::LTH_SET
