// Work cut into chunks, each with scratch that no other uses at the same time.
#pragma once

#include "../measure/mark.h"
#include "cut.h"
#include "threads.h"

namespace lth {

// Scratch for as many chunks as run at once, handed on from chunk to chunk: the first is the caller's own, so that a
// single thread always finds the same memory in its cache, and asks the host for none.
class ScratchPool {
 public:
  ScratchPool(Host* host, int64_t floats, float* first)
      : host_(host), bytes_(static_cast<size_t>(floats) * sizeof(float) + Storage::alignment) {
    scratch_[0] = first;
  }

  ~ScratchPool() {
    for (void* memory : memory_)
      if (memory != nullptr) host_->release(host_, memory);
  }

  // A free place, with its scratch; null where the host has no memory left.
  float* take(int32_t& place) {
    uint64_t taken = __atomic_load_n(&taken_, __ATOMIC_RELAXED);
    do place = __builtin_ctzll(~taken);
    while (!__atomic_compare_exchange_n(&taken_, &taken, taken | (uint64_t{1} << place), true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED));
    if (scratch_[place] == nullptr) {
      memory_[place] = host_->allocate(host_, bytes_);
      if (memory_[place] != nullptr) scratch_[place] = Storage(memory_[place]).take<float>(0);
    }
    return scratch_[place];
  }

  void give_back(int32_t place) { __atomic_fetch_and(&taken_, ~(uint64_t{1} << place), __ATOMIC_RELEASE); }

 private:
  Host* const host_;
  const size_t bytes_;
  uint64_t taken_ = 0;
  float* scratch_[most_chunks] = {};
  void* memory_[most_chunks] = {};
};

// Into how many chunks something is cut that falls into `units`.
inline int32_t chunks_of(const Program& program, double multiply_adds, int32_t units) {
  return multiply_adds < 2 * grain ? 1 : chunks_for(multiply_adds, units, threads_of(program));
}

// Calls work(begin, end, scratch) for `chunks` runs of neighbouring units, which may go on at once; together they are
// all units below `units`. `scratch` is for one of them. False where the host has no memory left.
template <class Work>
bool run_chunks(const Program& program, Host* host, int32_t chunks, int32_t units, int64_t scratch_floats,
                float* scratch, Work work) {
  if (chunks <= 1) {
    work(0, units, scratch);
    return true;
  }
  struct Job {
    ScratchPool pool;
    Work& work;
    int64_t chunks, units;
    CallOfThreads threads;
    bool failed;
  } job = {{host, scratch_floats, scratch}, work, chunks, units, CallOfThreads(program), false};
  LTH_MARK(share, chunks);
  host->parallel_for(
      host, static_cast<size_t>(chunks),
      [](void* argument, size_t chunk) {
        Job& job = *static_cast<Job*>(argument);
        LTH_MARK(piece, static_cast<int32_t>(chunk));
        job.threads.seen_from_body();
        int32_t place = 0;
        float* const own = job.pool.take(place);
        const int64_t begin = static_cast<int64_t>(chunk) * job.units / job.chunks;
        const int64_t end = static_cast<int64_t>(chunk + 1) * job.units / job.chunks;
        if (own == nullptr) __atomic_store_n(&job.failed, true, __ATOMIC_RELAXED);
        else job.work(static_cast<int32_t>(begin), static_cast<int32_t>(end), own);
        job.pool.give_back(place);
        LTH_MARK(done);
      },
      &job);
  LTH_MARK(join);
  job.threads.end();
  return !__atomic_load_n(&job.failed, __ATOMIC_RELAXED);
}

}  // namespace lth
