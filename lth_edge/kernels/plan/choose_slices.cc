// How many nonzeros of a row and block to look up in registers, and in which order rows come.
#include "slice_rows.h"

namespace lth {
namespace {

// Cycles of a slice and block, of each slot in it, and more where values are not float32.
constexpr double block_cycles = 3, slot_cycles = 1.5, converting_cycles = 1;
// Bytes a cycle: of a matrix that is still in the second-level cache when its turn comes again, after all other layers
// of a model, and of a larger one.
constexpr double near_bytes = 32, far_bytes = 8, near_size = 1 << 18;

struct Counts {
  int64_t ranks[most_slots + 1];  // nonzeros that are the first, second .. in their row and block; last: all later ones
  int64_t narrow_gaps;            // to nothing, were there no slots and gaps not wide
};

Counts count(const Csr& weights) {
  Counts counts = {};
  CsrColumns columns(weights);
  for (int32_t row = 0; row < weights.rows; ++row) {
    int32_t before = 0, block = -1, rank = 0;
    columns.next_row([&](int32_t column, int64_t) {
      counts.narrow_gaps += (column - before) / widest_gap(false);
      before = column;
      rank = column / slice_block_columns != block ? 0 : rank < most_slots ? rank + 1 : rank;
      block = column / slice_block_columns;
      ++counts.ranks[rank];
    });
  }
  return counts;
}

int64_t value_bytes(DataType type) { return type == DataType::float32 ? 4 : type == DataType::float16 ? 2 : 1; }

double larger(double a, double b) { return a > b ? a : b; }

// Cycles for the whole matrix with this many slots, `steps` lanes looked up in memory, and gaps of so many bytes.
double cost(const Slices& slices, DataType type, int32_t slots, int64_t steps, int gap_bytes, const Machine& machine) {
  const double lines = static_cast<double>(slices.count) * slices.blocks, vectors = static_cast<double>(steps) / 16;
  const double line_bytes =
      slots == 0 ? 0 : slice_lanes * static_cast<double>(place_bytes(slots) + slots * value_bytes(type));
  const double step_bytes = slice_lanes * static_cast<double>(gap_bytes + value_bytes(type));
  const double rate = lines * line_bytes + vectors * step_bytes > near_size ? far_bytes : near_bytes;
  const double slot = slot_cycles + (type == DataType::float32 ? 0 : converting_cycles);
  const double line_cycles = slots == 0 ? 0 : block_cycles + slots * slot;
  return lines * larger(line_cycles, line_bytes / rate) + vectors * larger(machine.gather_cycles, step_bytes / rate);
}

void choose_slots(const Csr& weights, const Machine& machine, Slices& slices) {
  const Counts counts = count(weights);
  const auto cost_of = [&](int32_t slots, int64_t steps, int gap_bytes) {
    return cost(slices, weights.data_type, slots, steps, gap_bytes, machine);
  };
  slices.slots = 0;
  double least = cost_of(0, weights.nnz + counts.narrow_gaps, 1);
  slices.wide_gaps = cost_of(0, weights.nnz, 2) < least;
  if (slices.wide_gaps) least = cost_of(0, weights.nnz, 2);
  int64_t steps = weights.nnz;
  for (int32_t slots = 1; slots <= most_slots; ++slots) {
    steps -= counts.ranks[slots - 1];
    const double here = cost_of(slots, steps, 2);
    if (here >= least) continue;
    least = here;
    slices.slots = slots;
    slices.wide_gaps = true;
  }
}

void count_steps(const Csr& weights, const Slices& slices, int32_t* steps) {
  CsrColumns columns(weights);
  for (int32_t row = 0; row < weights.rows; ++row) {
    steps[row] = 0;
    next_sliced_row(
        columns, slices.slots, widest_gap(slices.wide_gaps), [](int32_t, int32_t, int32_t, int64_t) {},
        [&](int32_t, int64_t) { ++steps[row]; });
  }
}

// Shell's sort: most steps first, equal ones in the order of rows.
void sort_rows(int32_t* rows, int32_t count, const int32_t* steps) {
  const auto comes_first = [&](int32_t a, int32_t b) { return steps[a] != steps[b] ? steps[a] > steps[b] : a < b; };
  int32_t apart = 1;
  while (apart < count / 3) apart = 3 * apart + 1;
  for (; apart > 0; apart /= 3) {
    for (int32_t i = apart; i < count; ++i) {
      const int32_t row = rows[i];
      int32_t at = i;
      for (; at >= apart && comes_first(row, rows[at - apart]); at -= apart) rows[at] = rows[at - apart];
      rows[at] = row;
    }
  }
}

void order_rows(const Csr& weights, Slices& slices) {
  const RowOrder& order = slices.order;
  int32_t* const steps = order.lanes;  // until it is known which lane a row has
  count_steps(weights, slices, steps);
  for (int32_t row = 0; row < weights.rows; ++row) order.rows[row] = row;
  sort_rows(order.rows, weights.rows, steps);
  order.starts[0] = 0;
  for (int32_t slice = 0; slice < slices.count; ++slice)
    order.starts[slice + 1] = order.starts[slice] + steps[order.rows[slice * slice_lanes]];
  for (int32_t lane = 0; lane < weights.rows; ++lane) order.lanes[order.rows[lane]] = lane;
  for (int32_t row = weights.rows; row < slices.count * slice_lanes; ++row) order.lanes[row] = 0;  // read, and dropped
}

int32_t slices_of(int32_t rows) { return (rows - 1) / slice_lanes + 1; }

}  // namespace

RowOrder take_row_order(int32_t rows, Storage& storage) {
  const int32_t slices = slices_of(rows);
  return {storage.take<int32_t>(rows), storage.take<int32_t>(static_cast<int64_t>(slices) * slice_lanes),
          storage.take<int32_t>(slices + 1)};
}

void choose_slices(const Csr& weights, const Machine& machine, Slices& slices) {
  slices.count = slices_of(weights.rows);
  slices.blocks = (weights.columns - 1) / slice_block_columns + 1;
  choose_slots(weights, machine, slices);
  order_rows(weights, slices);
}

}  // namespace lth
