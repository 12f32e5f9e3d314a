// How a chain of linear layers over many tokens is cut: one tile of tokens for all its layers.
#pragma once

#include "conv_plan.h"

namespace lth {

// Vectors of tokens in a tile.
int32_t choose_token_vectors(const Chain& chain, int32_t tokens, const Machine& machine);

// What tiles of so many vectors cost for so many tokens, in units that only compare.
double token_tile_cost(int32_t vectors, int32_t tokens, int32_t lanes);

// The tiling of one layer, given the tile.
Tiling choose_token_tiling(const Layer& layer, int32_t tokens, int32_t vectors, const Machine& machine);

}  // namespace lth
