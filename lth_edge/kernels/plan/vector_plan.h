// A matrix prepared to be multiplied with one vector at a time.
#pragma once

#include "../layers/message.h"
#include "machine.h"
#include "packed_rows.h"
#include "slices.h"

namespace lth {

// What a thread is handed at least: outputs of a cache line.
constexpr int32_t unit_rows = 16;
static_assert(unit_rows == slice_lanes, "a slice is a unit");

struct VectorPlan {
  int32_t rows, columns;
  DataType data_type;
  const float* scale;  // [rows], for int8
  const float* bias;   // [rows] or null
  Activation activation;
  bool sliced;        // which of the two is filled
  Slices slices;      // where this set looks up many floats at once
  PackedRows packed;  // elsewhere
};

inline int32_t units_of(const VectorPlan& plan) { return (plan.rows - 1) / unit_rows + 1; }

// Floats of the vector as the kernel wants it laid out, to whole cache lines; 0: as it is. Scratch starts with it.
int64_t spread_floats(const VectorPlan& plan);

// And the sums of all units.
int64_t scratch_floats(const VectorPlan& plan);

// Arrays that a plan needs while it is made, from memory that outlives it. Null `plan` while measuring.
void take_vector_arrays(const Layer& layer, const Machine& machine, Storage& storage, VectorPlan* plan);

// Chooses the form; its arrays have been taken. O(nonzeros).
void choose_vector(const Layer& layer, const Machine& machine, VectorPlan& plan);

// Lays out and, unless `storage` is measuring, packs in the chosen form. False where the layer is too large for 32-bit
// sizes.
bool plan_vector(const Layer& layer, Storage& storage, VectorPlan& plan, Message& error);

}  // namespace lth
