// A random chain and activations for it, all drawn from one seed.
#pragma once

#include <cstdint>

#include "test_chain.h"

namespace lth_test {

// What a test wants of a chain. `special` puts NaN, infinities and -0.0 into activations and weights.
enum class Numbers { finite, special };

// Keeps every rule of OPERATORS.md; small enough that the naive reference takes milliseconds.
TestChain random_chain(uint64_t seed, Numbers numbers);

}  // namespace lth_test
