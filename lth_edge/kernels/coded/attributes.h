// The attributes of a node whose weights are coded, which lie in front of these.
#pragma once

#include "../layers/array.h"
#include "numbers.h"

namespace lth::coded {

// Numbers of one attribute; none where it is left out.
template <class Number>
struct Entries {
  const Number* numbers;
  size_t size;
};

class Attributes {
 public:
  explicit Attributes(Host* host) : integers_(host), floats_(host) {}

  // False and an error where the bytes are damaged or there is no memory.
  bool read(Numbers bytes, Message& error);

  Entries<int64_t> integers(const char* name) const;
  Entries<float> floats(const char* name) const;

 private:
  static constexpr int count = 20;

  Array<int64_t> integers_;
  Array<float> floats_;
  size_t begin_[count] = {}, size_[count] = {};
};

}  // namespace lth::coded
