// The probability of each bit of a kept weight: its sign, then its magnitude from the highest bit down.
#pragma once

#include "earlier_model.h"

namespace lth::codec {

constexpr int modelled_bits = 8;  // of a magnitude; what is below them is as good as random, and stored

class ValueModel {
 public:
  void start() {
    for (Weights& each : weights_) each.fill(13107);
  }

  void doubt() {
    signs_.doubt();
    magnitudes_.doubt();
  }

  template <bool best, class Coder>
  uint32_t code(Coder& coder, uint32_t value, Mixer& mixer, const Place& place, EarlierModel& earlier) {
    const bool negative = place.matrix.has_signs && code_sign<best>(coder, value >> 31, mixer, place, earlier);
    const int64_t bits = place.matrix.magnitude_bits;
    uint32_t node = 1;
    for (int64_t i = 0; i < bits; ++i) {
      const bool bit = value >> (bits - 1 - i) & 1;
      if (i < modelled_bits || place.earlier != nullptr) {
        node = node * 2 + code_magnitude<best>(coder, bit, mixer, place, earlier, node, negative, i);
      } else {
        node = node * 2 + coder.bit(bit, even);
      }
    }
    return static_cast<uint32_t>(negative) << 31 | (node - (uint32_t{1} << bits));
  }

 private:
  template <bool best, class Coder>
  bool code_sign(Coder& coder, bool negative, Mixer& mixer, const Place& place, EarlierModel& earlier) {
    const Neighbours& around = place.around;
    const uint32_t left = around.left.sign(), above = around.above.sign();
    mixer.add(signs_.at(0, (left * 4 + above) * 4 + place.row.last.sign()), even);
    mixer.add(signs_.at(1, (around.channel.sign() * 4 + place.column.last.sign()) * 4 + around.row[0].sign()), even);
    mixer.add(place.column.negative, even);
    if (best) {
      mixer.add(place.row.negative, even);
      const uint32_t corners = around.above_left.sign() * 4 + around.above_right.sign();
      mixer.add(signs_.at(2, (left * 4 + above) * 16 + corners), even);
      if (place.has_image()) {
        const uint32_t leaning = place.surroundings().leaning();
        mixer.add(signs_.at(3, (leaning * 4 + left) * 4 + above), even);
      }
    }
    if (place.earlier != nullptr) earlier.add_sign(mixer, place);
    if (place.earlier != nullptr) return mixer.code(coder, negative, earlier.sign_weights(), earlier_rate);
    return mixer.code(coder, negative, weights_[0], 200);
  }

  template <bool best, class Coder>
  bool code_magnitude(Coder& coder, bool bit, Mixer& mixer, const Place& place, EarlierModel& earlier, uint32_t node,
                      bool negative, int64_t i) {
    if (i < modelled_bits) add_magnitude<best>(mixer, place, node, negative);
    if (place.earlier != nullptr) earlier.add_magnitude(mixer, place, node, negative, i);
    if (place.earlier != nullptr) return mixer.code(coder, bit, earlier.magnitude_weights(i), earlier_rate);
    return mixer.code(coder, bit, weights_[1 + i], 200);
  }

  template <bool best>
  void add_magnitude(Mixer& mixer, const Place& place, uint32_t node, bool negative) {
    const uint32_t left = place.around.left.size(), above = place.around.above.size();
    mixer.add(magnitudes_.at(0, node), even);
    mixer.add(magnitudes_.at(1, node * 32 + (left > above ? left : above)), even);
    mixer.add(magnitudes_.at(2, node * 32 + place.column.level), even);
    if (best) {
      const RowSoFar& row = place.row;
      mixer.add(magnitudes_.at(3, node * 32 + place.column.last.size()), even);
      mixer.add(magnitudes_.at(4, node * 32 + (row.kept == 0 ? 0 : static_cast<uint32_t>(row.sizes / row.kept))), even);
      mixer.add(magnitudes_.at(5, (node * 2 + negative) * 32 + row.last.size()), even);
    }
  }

  static constexpr uint32_t even = 32768;

  Counters<4, 256> signs_;
  Counters<6, 16384> magnitudes_;
  Weights weights_[1 + modelled_bits];
};

}  // namespace lth::codec
