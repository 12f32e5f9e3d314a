// A chain computed the naive way in float64, with a bound on what float32 arithmetic may lose, whatever its order.
#pragma once

#include <cstdint>
#include <vector>

#include "test_chain.h"

namespace lth_test {

struct ReferenceValue {
  lth::Extent extent;
  std::vector<double> value;  // laid out as the operator's tensors
  std::vector<double> error;  // how far a float32 result may lie from `value`; infinite where nothing can be said
};

struct Nonzero {
  int32_t column;
  double value;
};

// The rows of a matrix that keeps the rules of OPERATORS.md.
std::vector<std::vector<Nonzero>> decode(const lth::Csr& csr);

// Every value of the chain, activations first. O(nnz x positions x batch) in time.
std::vector<ReferenceValue> reference(const lth::Chain& chain, int64_t batch, const lth::Extent* extents,
                                      const std::vector<std::vector<float>>& activations);

}  // namespace lth_test
