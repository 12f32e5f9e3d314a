// Coded weights of a chain, decoded once while loading into what the layers read.
#pragma once

#include "../layers/array.h"
#include "content.h"
#include "memory.h"

namespace lth::coded {

// Fills in the weights and biases of all layers; the kinds, `weights.columns` and has_bias[i] are there before. What
// they point to is in `memory`, the caller's to release, whether or not all went well. False and an error where the
// bytes break the rules of ../OPERATORS.md; the matrices themselves are for lth::check.
bool decode(Host* host, const Content& content, const Array<int64_t>& has_bias, Array<Layer>& layers, Memory& memory,
            Message& error);

}  // namespace lth::coded
