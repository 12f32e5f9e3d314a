// Sparse matrix times one vector, in the form that the set has the instructions for.
#pragma once

#include "../layers/csr.h"
#include "activation.h"

#if defined(__AVX512F__)
#include "multiply_slices.h"
#else
#include "multiply_rows.h"
#endif

namespace lth::LTH_SET {

using Rows = Vector<native_lanes>;

static void spread(const VectorPlan& plan, const float* x, float* scratch) {
#if defined(__AVX512F__)
  spread_blocks(plan, x, scratch);
#else
  spread_rows(plan, x, scratch);
#endif
}

// Units begin .. end of W x, into the scratch in which `spread` has spread x. O(nonzeros).
static void multiply_vector(const VectorPlan& plan, const float* x, float* scratch, int32_t begin, int32_t end) {
  float* const sums = scratch + spread_floats(plan);
  with_value_type(plan.data_type, [&](auto value) {
    using Value = decltype(value);
#if defined(__AVX512F__)
    multiply_slices<Value>(plan, x, scratch, sums, begin, end);
#else
    (void)x;
    multiply_rows<Value>(plan, scratch, sums, begin, end);
#endif
  });
}

// The sums of rows row ..
LTH_INLINE Rows load_sums(const VectorPlan& plan, const float* sums, int32_t row) {
#if defined(__AVX512F__)
  return sums_of_rows(plan.slices.order.lanes + row, sums);
#else
  (void)plan;
  return load<native_lanes>(sums + row);
#endif
}

// Scale, bias, residual and activation of the first `count` rows from `row`.
LTH_INLINE void finish_rows(const VectorPlan& plan, const float* sums, const float* residual, float* out, int32_t row,
                            int32_t count) {
  Rows y = load_sums(plan, sums, row);
  if (plan.data_type == DataType::int8) y *= load_first(plan.scale + row, count);
  if (plan.bias != nullptr) y += load_first(plan.bias + row, count);
  if (residual != nullptr) y += load_first(residual + row, count);
  store_first(out + row, activated<native_lanes>(y, plan.activation), count);
}

// What `multiply_vector` left in the scratch for all units, finished.
static void finish_vector(const VectorPlan& plan, const float* scratch, const float* residual, float* out) {
  const float* const sums = scratch + spread_floats(plan);
  int32_t row = 0;
  for (; row + native_lanes <= plan.rows; row += native_lanes)
    finish_rows(plan, sums, residual, out, row, native_lanes);
  if (row < plan.rows) finish_rows(plan, sums, residual, out, row, plan.rows - row);
}

}  // namespace lth::LTH_SET
