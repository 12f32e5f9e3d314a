// An array in memory of a host's.
#pragma once

#include "program.h"

namespace lth {

// An array of plain values in a host's memory, released with the scope.
template <typename Value>
class Array {
 public:
  explicit Array(Host* host) : host_(host) {}
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() { clear(); }

  // Makes room for `size` values, all zero; false where there is no memory.
  bool resize(size_t size) {
    clear();
    if (size == 0) return true;
    values_ = static_cast<Value*>(host_->allocate(host_, size * sizeof(Value)));
    if (values_ == nullptr) return false;
    size_ = size;
    for (size_t i = 0; i < size; ++i) values_[i] = Value{};
    return true;
  }

  size_t size() const { return size_; }
  Value* data() { return values_; }
  const Value* data() const { return values_; }
  Value& operator[](size_t i) { return values_[i]; }
  const Value& operator[](size_t i) const { return values_[i]; }

 private:
  void clear() {
    if (values_ != nullptr) host_->release(host_, values_);
    values_ = nullptr;
    size_ = 0;
  }

  Host* host_;
  Value* values_ = nullptr;
  size_t size_ = 0;
};

}  // namespace lth
