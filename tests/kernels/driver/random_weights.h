// Random sparse matrices in every form that a file may hold.
#pragma once

#include <vector>

#include "random.h"
#include "test_chain.h"

namespace lth_test {

// Gives the layer weights [rows, columns]. `special` also stores NaN and infinities.
void random_weights(Random& random, TestLayer& layer, int32_t rows, int32_t columns, bool special);

// Columns [row][...], rising, as `indices` of the type (a column of absolute16 fits 16 bits).
std::vector<uint8_t> encode_indices(const std::vector<std::vector<int32_t>>& columns, lth::IndexType type);

}  // namespace lth_test
