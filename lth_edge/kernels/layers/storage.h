// Memory that is laid out twice by the same code: once to learn its size, once to place things in it.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lth {

class Storage {
 public:
  static constexpr size_t alignment = 64;  // a cache line, and the widest vector

  Storage() = default;  // measures
  explicit Storage(void* memory)
      : base_((reinterpret_cast<uintptr_t>(memory) + alignment - 1) / alignment * alignment) {}

  bool measuring() const { return base_ == 0; }

  // Null while measuring.
  template <class Item>
  Item* take(int64_t count) {
    const size_t at = used_;
    used_ += (static_cast<size_t>(count) * sizeof(Item) + alignment - 1) / alignment * alignment;
    return measuring() ? nullptr : reinterpret_cast<Item*>(base_ + at);
  }

  // What to allocate for everything taken so far.
  size_t bytes() const { return used_ + alignment; }

 private:
  uintptr_t base_ = 0;
  size_t used_ = 0;
};

}  // namespace lth
