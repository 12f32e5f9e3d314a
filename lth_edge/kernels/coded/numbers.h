// Whole numbers of seven bits a byte, the lowest first, as ../../codec/LTHE.md has them.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lth::coded {

class Numbers {
 public:
  Numbers() = default;  // none
  Numbers(const uint8_t* bytes, size_t size) : bytes_(bytes), size_(size) {}

  // The next number; 0 where there is none, it takes more bytes than it needs, or it is beyond `most`.
  uint64_t next(uint64_t most) {
    uint64_t number = 0;
    for (int shift = 0; shift < 63 && at_ < size_; shift += 7) {
      const uint64_t byte = bytes_[at_++];
      number |= (byte & 127) << shift;
      if (byte >= 128) continue;
      if (number > most || (byte == 0 && shift > 0)) break;
      return number;
    }
    failed_ = true;
    return 0;
  }

  bool failed() const { return failed_; }
  size_t size() const { return size_; }  // in bytes
  size_t at() const { return at_; }
  bool at_end() const { return at_ == size_; }

 private:
  const uint8_t* bytes_ = nullptr;
  size_t size_ = 0, at_ = 0;
  bool failed_ = false;
};

}  // namespace lth::coded
