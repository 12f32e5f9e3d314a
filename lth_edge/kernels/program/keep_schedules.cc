// Preparing takes longer than many a run, and images or batches of another size than expected rarely come once.
#include "schedule.h"

#include "../plan/choose_tokens.h"

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

// Calls visit(schedule) for the expected schedule and those that are kept, until it says true.
template <class Visit>
const Schedule* find(const Program& program, Visit visit) {
  if (program.prepared && visit(program.schedule)) return &program.schedule;
  for (Schedule*& place : program.kept) {
    const Schedule* const schedule = __atomic_load_n(&place, __ATOMIC_ACQUIRE);
    if (schedule != nullptr && visit(*schedule)) return schedule;
  }
  return nullptr;
}

// Several runs may offer one at the same time: each place takes the first.
bool keep(const Program& program, Schedule* schedule) {
  for (Schedule*& place : program.kept) {
    Schedule* empty = nullptr;
    if (__atomic_compare_exchange_n(&place, &empty, schedule, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) return true;
  }
  return false;
}

bool is_full(const Program& program) {
  for (Schedule*& place : program.kept)
    if (__atomic_load_n(&place, __ATOMIC_ACQUIRE) == nullptr) return false;
  return true;
}

// Tiles of tokens suit any number of them, if not equally well: the best there is where its cost is near the least, or
// where there is no place for another.
const Schedule* find_tile(const Program& program, int32_t tokens) {
  const int32_t lanes = program.set->machine.lanes;
  double least = 1e300;
  const Schedule* best = nullptr;
  find(program, [&](const Schedule& schedule) {
    const bool tiles = schedule.extents[0].width > 1;
    const double cost = tiles ? token_tile_cost(schedule.layers[0].conv.tiling.vectors, tokens, lanes) : least;
    if (cost < least) {
      least = cost;
      best = &schedule;
    }
    return false;
  });
  const int32_t vectors = choose_token_vectors(program.chain, tokens, program.set->machine);
  return is_full(program) || least <= 1.2 * token_tile_cost(vectors, tokens, lanes) ? best : nullptr;
}

const Schedule* find_existing(const Program& program, const Extent* activations) {
  const Schedule* const exact =
      find(program, [&](const Schedule& schedule) { return made_for(program.chain, schedule, activations); });
  const bool tiles = program.chain.linear && activations[0].width > 1;
  return exact != nullptr || !tiles ? exact : find_tile(program, activations[0].width);
}

}  // namespace

bool made_for(const Chain& chain, const Schedule& schedule, const Extent* activations) {
  for (int32_t i = 0; i < chain.activation_count; ++i)
    if (!same(schedule.extents[i], activations[i])) return false;
  return true;
}

const Schedule* find_schedule(const Program& program, Host* host, const Extent* activations, Message& error) {
  if (const Schedule* const existing = find_existing(program, activations)) return existing;
  Kept* const made = make_kept(program, host, activations, error);
  if (made == nullptr) return nullptr;
  const Schedule* const meanwhile = find_existing(program, activations);
  if (meanwhile != nullptr) {
    free_kept(host, &made->schedule);
    return meanwhile;
  }
  keep(program, &made->schedule);
  return &made->schedule;
}

void release_schedule(const Program& program, Host* host, const Schedule* schedule) {
  const auto is_it = [&](const Schedule& other) { return &other == schedule; };
  if (find(program, is_it) == nullptr) free_kept(host, const_cast<Schedule*>(schedule));
}

void free_kept_schedules(const Program& program, Host* host) {
  for (Schedule*& place : program.kept)
    if (place != nullptr) free_kept(host, place);
}

}  // namespace lth
