#include "slice_rows.h"

namespace lth {
namespace {

template <class Item>
void fill(Item* items, int64_t count, Item item) {
  for (int64_t i = 0; i < count; ++i) items[i] = item;
}

// From the place of the zero, all bits of which are set, to that of a column.
void set_place(uint8_t* places, int32_t slots, int32_t slot, int32_t column) {
  uint32_t all = 0;
  __builtin_memcpy(&all, places, static_cast<size_t>(place_bytes(slots)));
  all ^= static_cast<uint32_t>(column ^ slice_block_columns) << (5 * slot);
  __builtin_memcpy(places, &all, static_cast<size_t>(place_bytes(slots)));
}

template <class Gap, class Value>
struct Arrays {
  uint8_t* places;
  Value* values;
  Gap* gaps;
  Value* step_values;
};

template <class Gap, class Value>
void pack(const Csr& weights, const Slices& slices, const Arrays<Gap, Value>& arrays) {
  const Value* const data = static_cast<const Value*>(weights.data);
  const int32_t widest = widest_gap(slices.wide_gaps);
  CsrColumns columns(weights);
  for (int32_t row = 0; row < weights.rows; ++row) {
    const int32_t slice = slices.order.lanes[row] / slice_lanes, lane = slices.order.lanes[row] % slice_lanes;
    const int64_t line = static_cast<int64_t>(slice) * slices.blocks;
    int64_t at = static_cast<int64_t>(slices.order.starts[slice]) * slice_lanes + lane;
    const auto slot = [&](int32_t block, int32_t used, int32_t column, int64_t i) {
      uint8_t* const places = arrays.places + ((line + block) * slice_lanes + lane) * place_bytes(slices.slots);
      set_place(places, slices.slots, used, column);
      arrays.values[((line + block) * slices.slots + used) * slice_lanes + lane] = data[i];
    };
    const auto step = [&](int32_t gap, int64_t i) {
      arrays.gaps[at] = static_cast<Gap>(gap);
      if (i >= 0) arrays.step_values[at] = data[i];
      at += slice_lanes;
    };
    next_sliced_row(columns, slices.slots, widest, slot, step);
  }
}

// Everything leads to a zero, or to nothing, until a nonzero is there.
template <class Gap, class Value>
void take_and_pack(const Csr& weights, Storage& storage, Slices& slices) {
  const int64_t lanes = slices.slots == 0 ? 0 : static_cast<int64_t>(slices.count) * slices.blocks * slice_lanes;
  const int64_t steps = static_cast<int64_t>(slices.order.starts[slices.count]) * slice_lanes;
  const Arrays<Gap, Value> arrays = {storage.take<uint8_t>(lanes * place_bytes(slices.slots)),
                                     storage.take<Value>(lanes * slices.slots), storage.take<Gap>(steps),
                                     storage.take<Value>(steps)};
  slices.places = arrays.places;
  slices.values = arrays.values;
  slices.gaps = arrays.gaps;
  slices.step_values = arrays.step_values;
  if (storage.measuring()) return;
  fill(arrays.places, lanes * place_bytes(slices.slots), uint8_t{UINT8_MAX});
  fill(arrays.values, lanes * slices.slots, Value{});
  fill(arrays.gaps, steps, static_cast<Gap>(widest_gap(slices.wide_gaps)));
  fill(arrays.step_values, steps, Value{});
  pack(weights, slices, arrays);
}

}  // namespace

int64_t spread_floats(const Slices& slices) {
  return slices.slots == 0 ? 0 : static_cast<int64_t>(slices.blocks) * slice_block_pitch;
}

void pack_slices(const Csr& weights, Storage& storage, Slices& slices) {
  with_value_type(weights.data_type, [&](auto value) {
    if (slices.wide_gaps) take_and_pack<uint16_t, decltype(value)>(weights, storage, slices);
    else take_and_pack<uint8_t, decltype(value)>(weights, storage, slices);
  });
}

}  // namespace lth
