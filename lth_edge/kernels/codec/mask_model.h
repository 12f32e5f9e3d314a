// The probability that a weight is kept.
#pragma once

#include "place.h"

namespace lth::codec {

class MaskModel {
 public:
  void start() {
    for (Weights& each : weights_) each.fill(6554);
  }

  void doubt() { counters_.doubt(); }

  template <bool best, class Coder>
  bool code(Coder& coder, bool kept, Mixer& mixer, const Place& place) {
    const Column& column = place.column;
    const uint32_t row = place.row.level, smooth = column.smooth_level;
    const uint32_t in_block = place.row.in_block < 5 ? place.row.in_block : 5;
    const bool fed = place.matrix.fan > 0;
    mixer.add(counters_.at(0, row * 32 + smooth), column.smooth);
    mixer.add(counters_.at(1, place.around.pattern() * 32 + smooth), column.smooth);
    mixer.add(place.column.kept, column.smooth);
    if (fed) mixer.add(counters_.at(2, (in_block * 32 + row) * 32 + place.row.fed_level), column.smooth);
    if (best || !fed) mixer.add(counters_.at(3, (in_block * 32 + row) * 32 + column.level), column.smooth);
    if (best) mixer.add(counters_.at(4, place.around.rows() * 32 + smooth), column.smooth);
    if (best && place.has_image()) {
      const Surroundings near = place.surroundings();
      const uint32_t local = share(near.kept, near.looked_at, column.share, 115), level = place.logistic.level(local);
      mixer.add(counters_.at(5, level * 32 + column.level), local);
      mixer.add(counters_.at(6, level * 32 + row), local);
      mixer.add(counters_.at(7, level * 32 + smooth), local);
    }
    return mixer.code(coder, kept, weights_[kind(place)], 120);
  }

 private:
  static int kind(const Place& place) {
    const int64_t row = place.row.row;
    const int age = row == 0 ? 0 : row < 8 ? 1 : row < 64 ? 2 : 3;
    return age * 4 + place.has_image() * 2 + (place.matrix.fan > 0);
  }

  Counters<8, 6144> counters_;
  Weights weights_[16];
};

}  // namespace lth::codec
