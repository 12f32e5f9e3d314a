// One seed's tests of one instruction set. Each returns an empty text, or what went wrong.
#pragma once

#include <cstdint>
#include <string>

#include "guard.h"
#include "test_chain.h"

namespace lth_test {

struct Setting {
  const char* set;  // an instruction set of this CPU
  Guard guard;
  Schedule schedule;
  int callers;  // threads that run one program at once
};

// The chain's outputs against the reference; with the same program also on the extents that the chain expects.
std::string compare(const TestChain& test, const Setting& setting);

// Chains broken in one place: refused with a reason where the rules forbid them, and never a crash.
std::string refuse_broken(const TestChain& test, uint64_t seed, const Setting& setting);

// Memory that runs out at each allocation in turn: an error, nothing lost.
std::string starve(const TestChain& test, const Setting& setting);

// Sizes at and past the limits; empty batches.
std::string keep_limits(const Setting& setting);

}  // namespace lth_test
