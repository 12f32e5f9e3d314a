// Work cut into chunks, each with scratch of its own.
#pragma once

#include "schedule.h"

namespace lth {

// Calls work(unit, scratch) for every unit below `units`, in `chunks` runs of neighbours that may go on at once. A
// single chunk uses `scratch`; several take theirs from the host. False where the host has no memory left.
template <class Work>
bool run_chunks(Host* host, int32_t chunks, int32_t units, int64_t scratch_floats, float* scratch, Work work) {
  if (chunks <= 1) {
    for (int32_t unit = 0; unit < units; ++unit) work(unit, scratch);
    return true;
  }
  struct Job {
    Host* host;
    Work& work;
    int64_t chunks, units;
    size_t bytes;
    bool failed;
  } job = {host, work, chunks, units, static_cast<size_t>(scratch_floats) * sizeof(float) + Storage::alignment, false};
  host->parallel_for(
      host, static_cast<size_t>(chunks),
      [](void* argument, size_t chunk) {
        Job& job = *static_cast<Job*>(argument);
        void* memory = job.host->allocate(job.host, job.bytes);
        if (memory == nullptr) {
          __atomic_store_n(&job.failed, true, __ATOMIC_RELAXED);
          return;
        }
        float* scratch = Storage(memory).take<float>(0);
        const int64_t begin = static_cast<int64_t>(chunk) * job.units / job.chunks;
        const int64_t end = static_cast<int64_t>(chunk + 1) * job.units / job.chunks;
        for (int64_t unit = begin; unit < end; ++unit) job.work(static_cast<int32_t>(unit), scratch);
        job.host->release(job.host, memory);
      },
      &job);
  return !__atomic_load_n(&job.failed, __ATOMIC_RELAXED);
}

}  // namespace lth
