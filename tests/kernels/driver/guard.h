// Hosts for the kernels under test: memory in which a byte too far is a crash, memory that runs out, threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "layers/program.h"

namespace lth_test {

// Where a buffer touches a page that nobody may read or write; `none` is plain memory, for sanitizers.
enum class Guard { none, end, begin };

// Memory of exactly `bytes`, filled with NaNs. With Guard::end its last byte is the last before the forbidden page, up
// to `alignment`; with Guard::begin its first is the first after it.
class Buffer {
 public:
  Buffer(size_t bytes, size_t alignment, Guard guard);
  Buffer(const void* content, size_t bytes, size_t alignment, Guard guard) : Buffer(bytes, alignment, guard) {
    if (bytes > 0) std::memcpy(start_, content, bytes);
  }
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void* start() const { return start_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(start_);
  }

 private:
  void* start_;
  void* mapping_ = nullptr;
  size_t mapped_ = 0;
};

// In which order, and on how many threads, a host runs the bodies of a parallel_for.
struct Schedule {
  bool backward = false;
  int threads = 1;
};

class TestHost : public lth::Host {
 public:
  TestHost(Guard guard, Schedule schedule);

  // The allocation after `count` more fails, and every later one; negative: none does.
  void starve_after(int64_t count) { left_ = count; }

  int64_t allocations() const { return allocations_; }
  int64_t alive() const { return alive_; }

 private:
  static void* allocate_memory(lth::Host* self, size_t bytes);
  static void release_memory(lth::Host* self, void* memory);
  static void run_all(lth::Host* self, size_t count, void (*body)(void*, size_t), void* argument);

  const Guard guard_;
  const Schedule schedule_;
  std::atomic<int64_t> left_{-1}, allocations_{0}, alive_{0};
};

}  // namespace lth_test
