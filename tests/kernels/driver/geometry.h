// Sizes and positions of windows, straight from the ONNX formulas and apart from the kernels' own.
#pragma once

#include <cstdint>
#include <vector>

#include "test_chain.h"

namespace lth_test {

struct Axis {
  int64_t output;  // positions; below 1: the window does not fit
  int64_t before;  // padding at the near side
};

bool same(const lth::Extent& a, const lth::Extent& b);

// One axis (0 height, 1 width) of a window over `size` positions.
Axis window_axis(const lth::Window& window, int axis, int64_t size);

// The extents of every value of the chain, activations first; empty where the chain does not fit together.
std::vector<lth::Extent> value_extents(const lth::Chain& chain, const lth::Extent* activations);

}  // namespace lth_test
