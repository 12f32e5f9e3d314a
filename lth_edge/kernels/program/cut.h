// How a layer is cut into pieces of work for threads.
#pragma once

#include "../layers/layer.h"
#include "../plan/conv_plan.h"

namespace lth {

constexpr int32_t most_chunks = 64;

// A convolution: every tile's output channels are cut into slices, and neighbouring slices, counted through all tiles,
// make a chunk.
struct Cut {
  int32_t slices;
  int32_t chunks;
  bool shared;  // the slices of a tile share its packed blocks
};

Cut cut_for(const Layer& layer, const ConvPlan& plan, int32_t threads);

// Rows of a slice, of whole groups where there are groups.
int32_t slice_rows(const Layer& layer, int32_t slices);

// Most rows of a tile that one chunk computes.
int32_t chunk_rows(const Layer& layer, const ConvPlan& plan, const Cut& cut);

// Multiply-adds that are worth handing to another thread: some microseconds.
constexpr double grain = 300e3;

// Pieces of anything that falls into `units`: enough for the threads, each worth handing over.
int32_t chunks_for(double multiply_adds, int32_t units, int32_t threads);

}  // namespace lth
