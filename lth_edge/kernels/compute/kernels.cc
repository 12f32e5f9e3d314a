// Compiled once for each instruction set, with LTH_SET the set's name and the compiler told to use it.
#include "set.h"

#include "convolve.h"
#include "depthwise.h"
#include "multiply_tokens.h"
#include "multiply_vector.h"
#include "pool.h"

#define LTH_TEXT_OF(name) #name
#define LTH_TEXT(name) LTH_TEXT_OF(name)

namespace lth::LTH_SET {

const InstructionSet instruction_set = {
    LTH_TEXT(LTH_SET), {native_lanes, most_vectors, 32 * 1024},
    convolve,          pack_tile,
    depthwise,         max_pool,
    average,           spread,
    multiply_vector,   gather_tokens,
    multiply_tokens,   scatter_tokens,
};

}  // namespace lth::LTH_SET
