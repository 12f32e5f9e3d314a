// A binary range coder: probabilities of 16 bits, 32 bits of range, carries written back into the bytes before.
// After Martin, "Range encoding" (1979), in the form of Subbotin's and LZMA's coders. Integers only.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lth::codec {

constexpr uint32_t least_range = 1u << 24;

// Both coders have the same face: bit(bit, p) codes one bit whose probability of being 1 is p / 65536, 0 < p < 65536,
// and returns it. A decoder ignores the bit that it is given.
class RangeEncoder {
 public:
  static constexpr bool decodes = false;

  void open(uint8_t* bytes, size_t capacity) {
    bytes_ = bytes;
    capacity_ = capacity;
    size_ = low_ = 0;
    range_ = UINT32_MAX;
    overflown_ = false;
  }

  bool bit(bool bit, uint32_t p) {
    const uint32_t bound = static_cast<uint32_t>(uint64_t{range_} * p >> 16);
    if (bit) {
      range_ = bound;
    } else {
      low_ += bound;
      range_ -= bound;
    }
    while (range_ < least_range) {
      put_byte();
      range_ <<= 8;
    }
    return bit;
  }

  // The fewest bytes that decode to what was coded, as a decoder reads zeros behind the last.
  void finish() {
    for (int kept = 0; kept <= 4; ++kept) {
      const uint64_t rest = (uint64_t{1} << (32 - 8 * kept)) - 1;
      const uint64_t value = (low_ + rest) & ~rest;
      if (value >= low_ + range_) continue;
      low_ = value;
      if (kept == 0) carry();
      for (int i = 0; i < kept; ++i) put_byte();
      return;
    }
  }

  bool failed() const { return overflown_; }
  size_t size() const { return size_; }

 private:
  void put_byte() {
    carry();
    if (size_ < capacity_) {
      bytes_[size_++] = static_cast<uint8_t>(low_ >> 24);
    } else {
      overflown_ = true;
    }
    low_ = (low_ & 0xffffff) << 8;
  }

  void carry() {
    if (low_ >> 32 == 0) return;
    low_ &= UINT32_MAX;
    for (size_t i = size_; i > 0 && ++bytes_[i - 1] == 0; --i) {
    }
  }

  uint8_t* bytes_;
  size_t capacity_, size_;
  uint64_t low_;
  uint32_t range_;
  bool overflown_;
};

class RangeDecoder {
 public:
  static constexpr bool decodes = true;

  void open(const uint8_t* bytes, size_t size) {
    bytes_ = bytes;
    size_ = size;
    at_ = 0;
    range_ = UINT32_MAX;
    code_ = 0;
    for (int i = 0; i < 4; ++i) code_ = code_ << 8 | next_byte();
  }

  bool bit(bool, uint32_t p) {
    const uint32_t bound = static_cast<uint32_t>(uint64_t{range_} * p >> 16);
    const bool bit = code_ < bound;
    if (bit) {
      range_ = bound;
    } else {
      code_ -= bound;
      range_ -= bound;
    }
    while (range_ < least_range) {
      code_ = code_ << 8 | next_byte();
      range_ <<= 8;
    }
    return bit;
  }

  // Whether it ran out of bytes: four beyond the last are looked at, a fifth would be made up.
  bool failed() const { return at_ > size_ + 4; }
  bool at_end() const { return at_ >= size_; }

 private:
  uint32_t next_byte() {
    const uint32_t byte = at_ < size_ ? bytes_[at_] : 0;
    ++at_;
    return byte;
  }

  const uint8_t* bytes_;
  size_t size_, at_;
  uint32_t range_, code_;
};

}  // namespace lth::codec
