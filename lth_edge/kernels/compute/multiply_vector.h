// Sparse matrix times one vector, in the form that the set has the instructions for.
#pragma once

#include "../layers/csr.h"

#if defined(__AVX512F__)
#include "multiply_slices.h"
#else
#include "multiply_rows.h"
#endif

namespace lth::LTH_SET {

static void spread(const VectorPlan& plan, const float* from, float* to) {
#if defined(__AVX512F__)
  spread_blocks(plan, from, to);
#else
  spread_rows(plan, from, to);
#endif
}

// Units begin .. end of W x + residual; `spread` is x as the function of this name left it. O(nonzeros).
static void multiply_vector(const VectorPlan& plan, const float* x, const float* spread, const float* residual,
                            float* out, int32_t begin, int32_t end) {
  with_value_type(plan.data_type, [&](auto value) {
    using Value = decltype(value);
#if defined(__AVX512F__)
    multiply_slices<Value>(plan, x, spread, residual, out, begin, end);
#else
    (void)x;
    multiply_rows<Value>(plan, spread, residual, out, begin, end);
#endif
  });
}

}  // namespace lth::LTH_SET
