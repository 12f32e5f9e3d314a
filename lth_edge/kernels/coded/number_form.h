// How the words of the coder stand for numbers: the forms of ../../codec/LTHE.md.
#pragma once

#include "../layers/layer.h"
#include "numbers.h"

namespace lth::coded {

class NumberForm {
 public:
  // False: there is no such form, or not of weights.
  bool read(Numbers& numbers);

  DataType type() const { return type_; }

  // The bits of the number that a word stands for, lowest first; false where it stands for none.
  bool number(uint32_t word, uint32_t& bits) const;

 private:
  static constexpr int64_t most_colours = 256;

  bool read_palette(Numbers& numbers, uint32_t shift, int sign);

  DataType type_ = DataType::float32;
  bool looked_up_ = false;
  uint32_t least_ = 0, shift_ = 0;
  int64_t colours_[2] = {};                  // of positive numbers, of negative ones
  uint32_t palettes_[2][most_colours] = {};  // magnitudes
};

}  // namespace lth::coded
