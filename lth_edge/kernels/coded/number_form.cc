#include "number_form.h"

namespace lth::coded {

bool NumberForm::read(Numbers& numbers) {
  constexpr uint64_t looked_up = 4, same = 8;
  const uint64_t flags = numbers.next(15);
  constexpr DataType types[3] = {DataType::float32, DataType::float16, DataType::int8};
  if ((flags & 3) == 3) return false;
  type_ = types[flags & 3];
  looked_up_ = (flags & looked_up) != 0;
  if (!looked_up_) {
    least_ = static_cast<uint32_t>(numbers.next(INT32_MAX));
    shift_ = static_cast<uint32_t>(numbers.next(31));
    return !numbers.failed();
  }
  const auto shift = static_cast<uint32_t>(numbers.next(31));
  if (!read_palette(numbers, shift, 0)) return false;
  if ((flags & same) == 0) return read_palette(numbers, shift, 1);
  colours_[1] = colours_[0];
  for (int64_t i = 0; i < colours_[0]; ++i) palettes_[1][i] = palettes_[0][i];
  return true;
}

bool NumberForm::read_palette(Numbers& numbers, uint32_t shift, int sign) {
  colours_[sign] = static_cast<int64_t>(numbers.next(most_colours));
  uint64_t magnitude = 0;
  for (int64_t i = 0; i < colours_[sign]; ++i) {
    magnitude += numbers.next((INT32_MAX >> shift) - magnitude);
    palettes_[sign][i] = static_cast<uint32_t>(magnitude << shift);
  }
  return !numbers.failed();
}

bool NumberForm::number(uint32_t word, uint32_t& bits) const {
  const uint32_t sign = word >> 31;
  uint64_t magnitude = word & INT32_MAX;
  if (looked_up_) {
    if (static_cast<int64_t>(magnitude) >= colours_[sign]) return false;
    magnitude = palettes_[sign][magnitude];
  } else {
    magnitude = (magnitude << shift_) + least_;
  }
  switch (type_) {
    case DataType::float32:
      bits = sign << 31 | static_cast<uint32_t>(magnitude);
      return magnitude >> 31 == 0;
    case DataType::float16:
      bits = sign << 15 | static_cast<uint32_t>(magnitude);
      return magnitude >> 15 == 0;
    default:
      bits = (sign ? 0 - static_cast<uint32_t>(magnitude) : static_cast<uint32_t>(magnitude)) & 255;
      return magnitude <= 127 + sign;
  }
}

}  // namespace lth::coded
