// Are the kernels' numbers those of the reference?
#pragma once

#include <string>

#include "reference.h"

namespace lth_test {

// Empty, or where `result` [batch, extent] leaves what float32 arithmetic may give: NaN and infinities must be where
// the reference has them, all else within its bound, below 1e-5 of the largest number but for sums that cancel.
std::string difference(const ReferenceValue& expected, const float* result);

}  // namespace lth_test
