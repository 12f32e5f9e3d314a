// One image on its way through a chain.
#pragma once

#include "run_chunks.h"

namespace lth {

struct ImageRun {
  const Program& program;
  const Schedule& schedule;
  const Call& call;
  float* values;
  float* scratch;
  int64_t image;

  float* at(int32_t value) const { return value_at(program, schedule, call, values, value, image); }
};

// Layer `index`, a convolution, and the pool behind it.
bool run_pooled(const ImageRun& run, int32_t index);

}  // namespace lth
