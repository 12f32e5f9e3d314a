// Activation functions over vectors. NaN passes all of them, as it does onnxruntime's.
#pragma once

#include "../layers/layer.h"
#include "vector.h"

namespace lth::LTH_SET {

template <int lanes>
LTH_INLINE Vector<lanes> clip(Vector<lanes> x, float low, float high) {
  const Vector<lanes> lows = splat<lanes>(low), highs = splat<lanes>(high);
  x = x < lows ? lows : x;
  return x > highs ? highs : x;
}

template <int lanes>
LTH_INLINE Vector<lanes> hard_swish(Vector<lanes> x) {
  return x * clip<lanes>(x * (1.0f / 6) + 0.5f, 0.0f, 1.0f);
}

// e to the power of x for x <= 0: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes' expf); below -87 it is 0 to
// within 1e-38.
template <int lanes>
LTH_INLINE Vector<lanes> exponential(Vector<lanes> x) {
  typedef uint32_t Bits __attribute__((vector_size(lanes * sizeof(uint32_t))));
  x = clip<lanes>(x, -87.0f, 0.0f);
  const Vector<lanes> shifted =
      x * 1.44269504f + 12582912.0f;  // 1.5 x 2^23: the fraction's low bits are the rounded integer
  const Vector<lanes> n = shifted - 12582912.0f;
  const Vector<lanes> r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  Vector<lanes> p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Bits power = (reinterpret_cast<Bits>(shifted) << 23) + (127u << 23);
  return p * reinterpret_cast<Vector<lanes>>(power);
}

// The error function as an odd rational function on [-4, 4], 1 beyond to within float's precision (Eigen's minimax
// fit).
template <int lanes>
LTH_INLINE Vector<lanes> error_function(Vector<lanes> x) {
  x = clip<lanes>(x, -4.0f, 4.0f);
  const Vector<lanes> s = x * x;
  Vector<lanes> p = s * -2.72614225801306e-10f + 2.77068142495902e-08f;
  p = p * s - 2.10102402082508e-06f;
  p = p * s - 5.69250639462346e-05f;
  p = p * s - 7.34990630326855e-04f;
  p = p * s - 2.95459980854025e-03f;
  p = p * s - 1.60960333262415e-02f;
  Vector<lanes> q = s * -1.45660718464996e-05f - 2.13374055278905e-04f;
  q = q * s - 1.68282697438203e-03f;
  q = q * s - 7.37332916720468e-03f;
  q = q * s - 1.42647390514189e-02f;
  return x * p / q;
}

template <int lanes>
LTH_INLINE Vector<lanes> gelu_erf(Vector<lanes> x) {
  return 0.5f * x * (1.0f + error_function<lanes>(x * 0.707106781f));
}

// 0.5 x (1 + tanh u) is x / (1 + e^-2u); written with e^-|2u|, which cannot overflow.
template <int lanes>
LTH_INLINE Vector<lanes> gelu_tanh(Vector<lanes> x) {
  const Vector<lanes> twice = x * (1.59576912f + 0.0713548163f * x * x);
  const Vector<lanes> zero = {}, below = twice < zero ? twice : -twice;
  const Vector<lanes> e =
      below < splat<lanes>(-87.0f) ? zero : exponential<lanes>(below);  // minus infinity gives NaN, as by tanh
  return x * (twice < zero ? e : 1.0f + zero) / (1.0f + e);
}

template <int lanes>
LTH_INLINE Vector<lanes> activated(Vector<lanes> x, const Activation& activation) {
  switch (activation.kind) {
    case ActivationKind::clip:
      return clip<lanes>(x, activation.low, activation.high);
    case ActivationKind::hard_swish:
      return hard_swish<lanes>(x);
    case ActivationKind::gelu_erf:
      return gelu_erf<lanes>(x);
    case ActivationKind::gelu_tanh:
      return gelu_tanh<lanes>(x);
    default:
      return x;
  }
}

// Where the values lie in memory; a loop of its own, so that kernels need not hold five functions.
static inline void activate(float* values, int64_t count, const Activation& activation) {
  int64_t i = 0;
  for (; i + native_lanes <= count; i += native_lanes)
    store<native_lanes>(values + i, activated<native_lanes>(load<native_lanes>(values + i), activation));
  for (; i < count; ++i) values[i] = activated<4>(splat<4>(values[i]), activation)[0];
}

}  // namespace lth::LTH_SET
