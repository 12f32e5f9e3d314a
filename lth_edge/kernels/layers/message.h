// The text of an error, put together without a C library.
#pragma once

#include <stdint.h>

namespace lth {

// Never inlined: errors are rare, and would be a tenth of the library.
class Message {
 public:
  [[gnu::noinline]] Message& operator<<(const char* words) {
    while (*words != 0 && length_ + 1 < static_cast<int>(sizeof text_)) text_[length_++] = *words++;
    return *this;
  }

  [[gnu::noinline]] Message& operator<<(int64_t number) {
    char digits[24];
    int count = 0;
    uint64_t rest = number < 0 ? uint64_t{0} - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    do digits[count++] = static_cast<char>('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (number < 0) *this << "-";
    while (count > 0) {
      const char digit[2] = {digits[--count], 0};
      *this << digit;
    }
    return *this;
  }

  bool empty() const { return length_ == 0; }
  const char* text() const { return text_; }

 private:
  char text_[256] = {};
  int length_ = 0;
};

}  // namespace lth
