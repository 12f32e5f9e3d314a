// Probabilities as log odds and back, in integers: the same on every machine.
//
// A probability of 16 bits is p / 65536. Log odds are ln(p / (1 - p)) in steps of 1/256, from -2047 to 2047.
#pragma once

#include <stdint.h>

namespace lth::codec {

constexpr int32_t most_odds = 2047;

// 65536 / (1 + exp(-x)) for x from -8 to 8 in steps of 1/2; a line between any two.
constexpr int32_t logistic_knots[33] = {22,    36,    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,
                                        4971,  7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
                                        62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};

constexpr int32_t clamp(int64_t value, int32_t most) {
  return static_cast<int32_t>(value < -most ? -most : value > most ? most : value);
}

class Logistic {
 public:
  void fill() {
    for (int32_t odds = -most_odds; odds <= most_odds; ++odds) probabilities_[odds + most_odds] = between_knots(odds);
    int32_t odds = -most_odds;
    for (int32_t p = 0; p < 4096; ++p) {
      while (odds < most_odds && probabilities_[odds + most_odds] < 16 * p + 8) ++odds;
      odds_[p] = static_cast<int16_t>(odds);
    }
  }

  int32_t stretch(uint32_t p) const { return odds_[p >> 4]; }
  uint32_t squash(int64_t odds) const { return probabilities_[clamp(odds, most_odds) + most_odds]; }

  // Log odds in steps of 1/2, from 0 to 31: a probability as a context.
  uint32_t level(uint32_t p) const { return static_cast<uint32_t>(stretch(p) + 2048) >> 7; }

 private:
  static uint16_t between_knots(int32_t odds) {
    const int32_t place = odds + 2048, knot = place >> 7, rest = place & 127;
    return static_cast<uint16_t>((logistic_knots[knot] * (128 - rest) + logistic_knots[knot + 1] * rest + 64) >> 7);
  }

  int16_t odds_[4096];
  uint16_t probabilities_[2 * most_odds + 1];
};

// A share of 16 bits: `count` of `seen`, and `weight` more that have the share `prior`.
constexpr uint32_t share(uint64_t count, uint64_t seen, uint32_t prior, uint32_t weight) {
  const uint64_t p = ((count << 16) + uint64_t{weight} * prior) / (seen + weight);
  return p < 24 ? 24 : p > 65000 ? 65000 : static_cast<uint32_t>(p);
}

}  // namespace lth::codec
