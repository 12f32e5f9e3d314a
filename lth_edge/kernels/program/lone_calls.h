// Whether a program's host has more than one thread to give, which no host says: learnt from the first calls of
// parallel_for. Layers are cut finer for several threads than for one, which pays for that with its cache; what is
// computed is the same.
#pragma once

#include "schedule.h"

namespace lth {

constexpr int32_t enough_lone_calls = 256;   // in a row, and the caller is taken to be alone
constexpr int32_t asked_again_after = 1024;  // layers, in case other threads had been busy
constexpr int32_t not_alone = -1;
constexpr uintptr_t least_stack = 64 * 1024;  // two threads' stacks are at least as far apart

inline bool is_alone(const Program& program) {
  if (__atomic_load_n(&program.lone_calls, __ATOMIC_RELAXED) < enough_lone_calls) return false;
  return __atomic_fetch_add(&program.lone_calls, 1, __ATOMIC_RELAXED) % asked_again_after != 0;
}

// One call of parallel_for: each of its bodies says where it runs.
class CallOfThreads {
 public:
  explicit CallOfThreads(const Program& program) : program_(program), stack_(reinterpret_cast<uintptr_t>(this)) {}

  void seen_from_body() const {
    const char here = 0;
    const uintptr_t at = reinterpret_cast<uintptr_t>(&here);
    if ((at > stack_ ? at - stack_ : stack_ - at) < least_stack) return;
    __atomic_store_n(&program_.lone_calls, not_alone, __ATOMIC_RELAXED);
  }

  void end() const {
    int32_t calls = __atomic_load_n(&program_.lone_calls, __ATOMIC_RELAXED);
    if (calls == not_alone || calls >= enough_lone_calls) return;
    __atomic_compare_exchange_n(&program_.lone_calls, &calls, calls + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  }

 private:
  const Program& program_;
  const uintptr_t stack_;
};

}  // namespace lth
