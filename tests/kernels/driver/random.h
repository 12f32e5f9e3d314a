// Random numbers that are the same on every machine, so that a seed names one test for good.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace lth_test {

class Random {  // splitmix64
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}

  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Both ends included.
  int32_t between(int64_t low, int64_t high) {
    return static_cast<int32_t>(low + static_cast<int64_t>(bits() % static_cast<uint64_t>(high - low + 1)));
  }

  double unit() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

  bool chance(double probability) { return unit() < probability; }

  // Roughly normal: the sum of twelve.
  float normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += unit();
    return static_cast<float>(sum);
  }

  template <typename T>
  T of(std::initializer_list<T> choices) {
    return choices.begin()[bits() % choices.size()];
  }

 private:
  uint64_t state_;
};

}  // namespace lth_test
