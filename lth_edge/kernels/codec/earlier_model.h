// What an earlier version of a matrix tells of the new one: small weights are pruned first, and the others change
// little.
#pragma once

#include "place.h"

namespace lth::codec {

// By how much the weights of opinions on values learn: what an earlier version says must soon outweigh all else.
constexpr int32_t earlier_rate = 600;

class EarlierModel {
 public:
  void start() {
    kept_weights_.fill(16384);
    for (Weights& each : value_weights_) each.fill(19661);
  }

  void doubt() {
    kept_.doubt();
    signs_.doubt();
    magnitudes_.doubt();
  }

  // Whether a weight that was kept still is; `prior` is the share of those that are.
  template <class Coder>
  bool code_kept(Coder& coder, bool kept, Mixer& mixer, const Place& place, uint32_t prior) {
    RowSoFar& row = place.row;
    const uint32_t size = was(place).size();
    const uint32_t level = place.logistic.level(share(row.kept, row.candidates, prior, 8));
    mixer.add(kept_.at(0, fine_size(place)), prior);
    mixer.add(kept_.at(1, size * 32 + level), prior);
    mixer.add(kept_.at(2, size * 32 + place.column.level), prior);
    mixer.add(kept_.at(3, size * 8 + row.recent), prior);
    kept = mixer.code(coder, kept, kept_weights_, 120);
    ++row.candidates;
    row.recent = (row.recent << 1 | kept) & 7;
    return kept;
  }

  void add_sign(Mixer& mixer, const Place& place) {
    mixer.add(signs_.at(0, fine_size(place) * 2 + negative_before(place)), even);
    mixer.add(signs_.at(1, was(place).size() * 8 + place.row.last.sign() * 2 + negative_before(place)), even);
  }

  // `node`: the bits of the new magnitude before bit `i`, behind a one.
  void add_magnitude(Mixer& mixer, const Place& place, uint32_t node, bool negative, int64_t i) {
    const int64_t bits = place.matrix.magnitude_bits;
    const uint64_t magnitude = magnitude_before(place);
    const int64_t known = static_cast<int64_t>(node - (uint32_t{1} << i));
    const int64_t off = known - static_cast<int64_t>(magnitude >> (bits - i));
    const auto apart = static_cast<uint32_t>(off < -2 ? 0 : off > 2 ? 4 : off + 2);
    const uint32_t coming = static_cast<uint32_t>(magnitude << 3 >> (bits - i)) & 7;
    const auto at = static_cast<uint32_t>(i) * 5 + apart;
    const uint32_t turned = negative != negative_before(place);
    mixer.add(magnitudes_.at(0, (at * 8 + coming) * 2 + turned), even);
    mixer.add(magnitudes_.at(1, (at * 4 + coming / 2) * 32 + was(place).size()), even);
  }

  Weights& sign_weights() { return value_weights_[0]; }
  Weights& magnitude_weights(int64_t i) { return value_weights_[1 + i]; }

 private:
  static constexpr uint32_t even = 32768;

  static bool negative_before(const Place& place) { return *place.earlier >> 31; }

  // As many bits as the new one has, whatever a caller put there.
  static uint32_t magnitude_before(const Place& place) {
    const uint32_t most = (uint32_t{1} << place.matrix.magnitude_bits) - 1, magnitude = *place.earlier & INT32_MAX;
    return magnitude < most ? magnitude : most;
  }

  static Cell was(const Place& place) {
    return Cell::of(negative_before(place), magnitude_before(place), place.matrix.magnitude_bits);
  }

  // The upper 8 bits of the magnitude that it had.
  static uint32_t fine_size(const Place& place) {
    const int64_t bits = place.matrix.magnitude_bits;
    return magnitude_before(place) >> (bits > 8 ? bits - 8 : 0);
  }

  Counters<4, 1024> kept_;
  Counters<2, 512> signs_;
  Counters<2, 20480> magnitudes_;
  Weights kept_weights_;
  Weights value_weights_[1 + 31];
};

}  // namespace lth::codec
