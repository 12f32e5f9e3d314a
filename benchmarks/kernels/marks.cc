// The log behind lth_edge/kernels/measure/mark.h, one for each core; `marks.py` reads it. Without a C library, as the
// kernels are.
#include "../../lth_edge/kernels/cpu/export.h"
#include "../../lth_edge/kernels/measure/mark.h"

struct Event {
  uint64_t tick;
  int32_t what;
  int32_t details[4];
  int32_t unused;
};

constexpr uint32_t most_cores = 16;  // one with a larger number shares a log with another
constexpr uint32_t most_events = 1 << 17;

LTH_EXPORT const uint32_t lth_mark_room[2];
LTH_EXPORT Event lth_marks[most_cores][most_events];
LTH_EXPORT uint32_t lth_mark_counts[most_cores];  // those that found no room too

const uint32_t lth_mark_room[2] = {most_cores, most_events};
Event lth_marks[most_cores][most_events];
uint32_t lth_mark_counts[most_cores];

// The instruction waits for those before it and tells its core, which makes locks needless.
void lth::mark(Mark what, int32_t first, int32_t second, int32_t third, int32_t fourth) {
  uint32_t core = 0;
  const uint64_t tick = __builtin_ia32_rdtscp(&core);
  core %= most_cores;
  const uint32_t place = lth_mark_counts[core]++;
  if (place >= most_events) return;
  lth_marks[core][place] = {tick, static_cast<int32_t>(what), {first, second, third, fourth}, 0};
}

// Marks in a row, to measure what one takes.
LTH_EXPORT void lth_mark_often(int32_t count) {
  for (int32_t i = 0; i < count; ++i) lth::mark(lth::Mark::leave);
}
