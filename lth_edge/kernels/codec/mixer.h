// The probability of a bit from what was seen in several contexts: adaptive counters, mixed as log odds by weights that
// learn. After Mahoney, "Adaptive weighing of context models for lossless data compression" (2005).
#pragma once

#include "logistic.h"

namespace lth::codec {

constexpr uint32_t most_seen = 1000;  // bits that a counter remembers, about

// By how much a counter moves towards a bit when it has seen n bits: 1 / (n + 1.5), of 65536.
class Rates {
 public:
  void fill() {
    for (uint32_t seen = 0; seen <= most_seen; ++seen) rates_[seen] = static_cast<uint16_t>(131072 / (2 * seen + 3));
  }

  int32_t operator[](uint32_t seen) const { return rates_[seen]; }

 private:
  uint16_t rates_[most_seen + 1];
};

// A probability that learns: 22 bits of it, and 10 of how many bits it has seen. All zeros: it has not begun.
class Counter {
 public:
  bool fresh() const { return state_ == 0; }

  // As if it had seen two bits that made it `p`, of 16 bits.
  void start(uint32_t p) { state_ = p << 16 | 2; }

  uint32_t probability() const { return state_ >> 16; }

  void learn(bool bit, const Rates& rates) {
    const uint32_t seen = state_ & 1023;
    const int32_t p = static_cast<int32_t>(state_ >> 10), wanted = bit ? (1 << 22) - 1 : 0;
    const int32_t moved = p + static_cast<int32_t>(int64_t{wanted - p} * rates[seen] >> 16);
    state_ = static_cast<uint32_t>(moved) << 10 | (seen < most_seen ? seen + 1 : seen);
  }

  // Keeps the probability, but learns fast again: what was learned from another matrix is a hint.
  void doubt() {
    if ((state_ & 1023) > 8) state_ = (state_ & ~uint32_t{1023}) | 8;
  }

 private:
  uint32_t state_;
};

constexpr int most_opinions = 12;
constexpr int32_t most_weight = 64 << 16;

// How much each opinion on one kind of bit counts, 65536 for once.
struct Weights {
  int32_t of[most_opinions];

  void fill(int32_t weight) {
    for (int32_t& each : of) each = weight;
  }
};

// Mixes the opinions of counters on one bit, then lets all of them learn it.
class Mixer {
 public:
  explicit Mixer(const Logistic& logistic, const Rates& rates) : logistic_(logistic), rates_(rates) {}

  // A counter that has not begun begins with the probability `prior`.
  void add(Counter& counter, uint32_t prior) {
    if (counter.fresh()) counter.start(prior);
    counters_[count_] = &counter;
    odds_[count_++] = logistic_.stretch(counter.probability());
  }

  template <class Coder>
  bool code(Coder& coder, bool bit, Weights& weights, int32_t rate) {
    int64_t sum = 0;
    for (int i = 0; i < count_; ++i) sum += int64_t{weights.of[i]} * odds_[i];
    const uint32_t p = logistic_.squash(sum >> 16);
    bit = coder.bit(bit, p);
    const int32_t error = (static_cast<int32_t>(bit) << 16) - static_cast<int32_t>(p);
    const int32_t step = error * rate >> 10;
    for (int i = 0; i < count_; ++i) {
      weights.of[i] = clamp(weights.of[i] + (odds_[i] * step >> 14), most_weight);
      counters_[i]->learn(bit, rates_);
    }
    count_ = 0;
    return bit;
  }

 private:
  const Logistic& logistic_;
  const Rates& rates_;
  Counter* counters_[most_opinions];
  int32_t odds_[most_opinions];
  int count_ = 0;
};

}  // namespace lth::codec
