// The instruction sets of this CPU.
#pragma once

#include "../compute/set.h"

namespace lth {

// The widest that this CPU and its operating system can run.
const InstructionSet& best_set();

// By name; null where this CPU cannot run it or the library has no such set.
const InstructionSet* named_set(const char* name);

}  // namespace lth
