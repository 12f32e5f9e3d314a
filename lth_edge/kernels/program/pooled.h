// A convolution and the pool that alone reads it, computed in bands of rows, so that what lies between them never
// leaves the near caches. Worth it for large images, whose planes would go to a far cache and come back.
#pragma once

#include "schedule.h"

namespace lth {

struct Band {
  int32_t rows;   // of the pool
  int32_t lead;   // rows of the convolution that are kept before a band's own: those of a tile
  int32_t plane;  // floats of a channel: the lead, then the band's own rows
};

// Whether layer `index` and the one behind it are such a pair, both planned.
bool are_pooled(const Program& program, const Schedule& schedule, int32_t index);

Band band_of(const ConvPlan& plan);

// Floats that a chunk takes beside the convolution's own scratch.
int64_t band_floats(const Layer& layer, const ConvPlan& plan);

}  // namespace lth
