// How many threads a program's host has to give, which no host says: learnt from where the bodies of parallel_for run.
// Layers are cut for as many; what is computed is the same.
#pragma once

#include "schedule.h"

namespace lth {

constexpr int32_t most_threads = 64;
constexpr int32_t assumed_threads = 4;        // at least, while calls are few: a thread that sleeps may miss some
constexpr int32_t enough_calls = 256;         // of parallel_for, after which what was seen is believed
constexpr int32_t asked_again_after = 1024;   // layers: cut for twice as many, to see whether there are more
constexpr uintptr_t least_stack = 64 * 1024;  // two threads' stacks are at least as far apart

// To cut the next layer for.
inline int32_t threads_of(const Program& program) {
  const int32_t seen = __atomic_load_n(&program.threads_seen, __ATOMIC_RELAXED);
  if (__atomic_load_n(&program.calls, __ATOMIC_RELAXED) < enough_calls)
    return seen > assumed_threads ? seen : assumed_threads;
  const bool again = __atomic_add_fetch(&program.layers_cut, 1, __ATOMIC_RELAXED) % asked_again_after == 0;
  return again && seen <= most_threads / 2 ? 2 * seen : seen;
}

// One call of parallel_for: each of its bodies says where it runs.
class CallOfThreads {
 public:
  explicit CallOfThreads(const Program& program) : program_(program) {}

  void seen_from_body() {
    const char here = 0;
    const uintptr_t at = reinterpret_cast<uintptr_t>(&here);
    for (uintptr_t& stack : stacks_) {
      uintptr_t known = 0;
      if (__atomic_compare_exchange_n(&stack, &known, at, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return;
      if ((at > known ? at - known : known - at) < least_stack) return;
    }
  }

  void end() const {
    int32_t count = 0;
    while (count < most_threads && stacks_[count] != 0) ++count;
    int32_t seen = __atomic_load_n(&program_.threads_seen, __ATOMIC_RELAXED);
    while (seen < count && !__atomic_compare_exchange_n(&program_.threads_seen, &seen, count, true, __ATOMIC_RELAXED,
                                                        __ATOMIC_RELAXED));
    if (__atomic_load_n(&program_.calls, __ATOMIC_RELAXED) < enough_calls)
      __atomic_fetch_add(&program_.calls, 1, __ATOMIC_RELAXED);
  }

 private:
  const Program& program_;
  uintptr_t stacks_[most_threads] = {};  // somewhere in each, in the order in which they were seen
};

}  // namespace lth
