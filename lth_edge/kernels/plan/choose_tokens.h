// How a chain of linear layers over many tokens is cut: one tile of tokens for all its layers.
#pragma once

#include "conv_plan.h"

namespace lth {

// Vectors of tokens in a tile.
int32_t choose_token_vectors(const Chain& chain, int32_t tokens, const Machine& machine);

// The tiling of one layer, given the tile.
Tiling choose_token_tiling(const Layer& layer, int32_t tokens, int32_t vectors, const Machine& machine);

}  // namespace lth
