// A chain prepared for activations of known extents: the plan of each layer, and where each value lies during a run.
#pragma once

#include "../compute/set.h"
#include "../layers/program.h"
#include "../layers/storage.h"

namespace lth {

struct LayerPlan {
  ConvPlan conv;            // images, or tiles of tokens
  DepthwisePlan depthwise;  // images, instead
  PoolPlan pool;            // likewise
  VectorPlan vector;        // a single token
  bool pooled;              // an image's, computed together with the pool behind it
};

struct Schedule {
  Extent* extents;  // of every value
  int64_t* places;  // of every value, in floats of the run's memory
  LayerPlan* layers;
  int64_t value_floats;
  int64_t scratch_floats;  // for a layer that is one chunk
  void* arrays;            // memory of the three arrays
  void* packed;            // memory of what the plans point to
};

// Extents that come up in runs without having been expected: the first few of them stay prepared.
constexpr int32_t most_kept = 4;

struct Program {
  const InstructionSet* set;
  Chain chain;
  const int64_t* tuning;  // [3 x layers] or null
  Extent* expected;       // [activations]
  bool prepared;          // `schedule` is made for `expected`
  Schedule schedule;
  mutable Schedule* kept[most_kept];                // null or made; each is set once, by whichever run comes first
  mutable int32_t threads_seen, calls, layers_cut;  // see threads.h
  void* memory;                                     // of the program itself
};

bool same(Extent a, Extent b);
int64_t floats(Extent extent);

// Number of the output that a value is, or -1.
int32_t output_of(const Chain& chain, int32_t value);

// Extents of every value from those of the activations, padding resolved; an error where they do not fit.
bool infer_extents(const Chain& chain, const Extent* activations, Extent* extents, Message& error);

// Gives every value a place that no value alive at the same time has; `outside`: activations
// and outputs lie in the caller's memory instead. Returns the floats needed.
int64_t place_values(const Chain& chain, const Extent* extents, bool outside, int64_t* places);

// Prepares for these activations; false with an error where they contradict the chain or the host has no memory left.
bool make_schedule(const Program& program, Host* host, const Extent* activations, Schedule& schedule, Message& error);
void free_schedule(Host* host, Schedule& schedule);

// Whether a schedule was made for these activations.
bool made_for(const Chain& chain, const Schedule& schedule, const Extent* activations);

// A schedule for these activations: the expected one, one that is kept, or a new one; of tokens its extents may be of
// another number of them. Null with an error where they contradict the chain or the host has no memory left. Given back
// with `release_schedule`.
const Schedule* find_schedule(const Program& program, Host* host, const Extent* activations, Message& error);
void release_schedule(const Program& program, Host* host, const Schedule* schedule);
void free_kept_schedules(const Program& program, Host* host);

// A chain of tokens runs tile by tile; of each value a tile holds this.
inline Extent tile_extent(const Schedule& schedule, int32_t value) {
  return {schedule.extents[value].channels, 1, schedule.layers[0].conv.strip_floats};
}

// What a run reads and writes.
struct Call {
  Host* host;
  int64_t batch;
  const Extent* extents;  // of the activations
  const float* const* activations;
  float* const* outputs;
};

// Where a value lies during a run, of image `image`: in the caller's memory, or in the run's `values`.
float* value_at(const Program& program, const Schedule& schedule, const Call& call, float* values, int32_t value,
                int64_t image);

// Pools, and convolutions with a kernel of their own for one channel a group: cut by channels, without scratch.
bool keeps_channels_apart(const Layer& layer, Extent in);

// Each returns false where the host has no memory left.
bool run_images(const Program& program, const Schedule& schedule, const Call& call);
bool run_vector(const Program& program, const Schedule& schedule, const Call& call);
bool run_tokens(const Program& program, const Schedule& schedule, const Call& call);

}  // namespace lth
