#include "vector_plan.h"

#include "../layers/rounding.h"

namespace lth {

int64_t spread_floats(const VectorPlan& plan) {
  if (plan.sliced) return spread_floats(plan.slices);
  const int64_t floats = plan.columns + static_cast<int64_t>(plan.packed.blocks) * read_together;
  return round_up(floats, unit_rows);
}

int64_t scratch_floats(const VectorPlan& plan) {
  return spread_floats(plan) + static_cast<int64_t>(units_of(plan)) * unit_rows;
}

void take_vector_arrays(const Layer& layer, const Machine& machine, Storage& storage, VectorPlan* plan) {
  if (machine.gather_cycles == 0) return;
  const RowOrder order = take_row_order(layer.weights.rows, storage);
  if (plan != nullptr) plan->slices.order = order;
}

void choose_vector(const Layer& layer, const Machine& machine, VectorPlan& plan) {
  plan.sliced = machine.gather_cycles > 0;
  if (plan.sliced) choose_slices(layer.weights, machine, plan.slices);
}

bool plan_vector(const Layer& layer, Storage& storage, VectorPlan& plan, Message& error) {
  const Csr& weights = layer.weights;
  plan.rows = weights.rows;
  plan.columns = weights.columns;
  plan.data_type = weights.data_type;
  plan.scale = weights.scale;
  plan.bias = layer.bias;
  plan.activation = layer.activation;
  if (plan.sliced) {
    pack_slices(weights, storage, plan.slices);
    return true;
  }
  if (pack_rows(weights, storage, plan.packed)) return true;
  error << "it has too many nonzeros";
  return false;
}

}  // namespace lth
