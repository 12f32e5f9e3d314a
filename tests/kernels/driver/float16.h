// IEEE 754 binary16 as the files hold it, written apart from the kernels' own reading of it.
#pragma once

#include <cmath>
#include <cstdint>

namespace lth_test {

inline double float16_value(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  const double sign = bits >> 15 ? -1.0 : 1.0;
  if (exponent == 31) return fraction ? std::nan("") : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

// A random pattern around the size of trained weights: exponents -11 to 1, now and then zero or subnormal.
inline uint16_t float16_pattern(uint64_t random) {
  const uint16_t sign_and_fraction = static_cast<uint16_t>((random & 1023) | (random & 1024) << 5);
  const uint16_t exponent = (random >> 16) % 37 == 0 ? 0 : static_cast<uint16_t>(4 + (random >> 32) % 13);
  return static_cast<uint16_t>(sign_and_fraction | exponent << 10);
}

}  // namespace lth_test
