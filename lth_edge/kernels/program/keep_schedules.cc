// Preparing takes longer than many a run, and images or batches of another size than expected rarely come once.
#include "schedule.h"

namespace lth {
namespace {

struct Kept {
  Schedule schedule;
  void* memory;  // of this struct
};

Kept* make_kept(const Program& program, Host* host, const Extent* activations, Message& error) {
  Storage size;
  size.take<Kept>(1);
  void* const memory = host->allocate(host, size.bytes());
  if (memory == nullptr) {
    error << "there is no memory left to prepare in";
    return nullptr;
  }
  Storage storage(memory);
  Kept* const kept = storage.take<Kept>(1);
  kept->memory = memory;
  if (make_schedule(program, host, activations, kept->schedule, error)) return kept;
  host->release(host, memory);
  return nullptr;
}

void free_kept(Host* host, Schedule* schedule) {
  Kept* const kept = reinterpret_cast<Kept*>(schedule);  // its first member
  free_schedule(host, kept->schedule);
  host->release(host, kept->memory);
}

// Several runs may offer one at the same time: each place takes the first.
bool keep(const Program& program, Schedule* schedule) {
  for (Schedule*& place : program.kept) {
    Schedule* empty = nullptr;
    if (__atomic_compare_exchange_n(&place, &empty, schedule, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return true;
  }
  return false;
}

bool is_kept(const Program& program, const Schedule* schedule) {
  for (Schedule*& place : program.kept)
    if (__atomic_load_n(&place, __ATOMIC_ACQUIRE) == schedule) return true;
  return false;
}

}  // namespace

bool made_for(const Chain& chain, const Schedule& schedule, const Extent* activations) {
  for (int32_t i = 0; i < chain.activation_count; ++i)
    if (!same(schedule.extents[i], activations[i])) return false;
  return true;
}

const Schedule* find_schedule(const Program& program, Host* host, const Extent* activations, Message& error) {
  if (program.prepared && made_for(program.chain, program.schedule, activations)) return &program.schedule;
  for (Schedule*& place : program.kept) {
    const Schedule* const schedule = __atomic_load_n(&place, __ATOMIC_ACQUIRE);
    if (schedule != nullptr && made_for(program.chain, *schedule, activations)) return schedule;
  }
  Kept* const made = make_kept(program, host, activations, error);
  if (made == nullptr) return nullptr;
  keep(program, &made->schedule);
  return &made->schedule;
}

void release_schedule(const Program& program, Host* host, const Schedule* schedule) {
  if (schedule == &program.schedule || is_kept(program, schedule)) return;
  free_kept(host, const_cast<Schedule*>(schedule));
}

void free_kept_schedules(const Program& program, Host* host) {
  for (Schedule*& place : program.kept)
    if (place != nullptr) free_kept(host, place);
}

}  // namespace lth
