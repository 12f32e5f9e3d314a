#include "packed_rows.h"

#include "../layers/csr.h"
#include "../layers/rounding.h"

namespace lth {
namespace {

int32_t filled_up(int32_t count) { return static_cast<int32_t>(round_up(count, read_together)); }

// Calls visit(block, column within it, nonzero) over a row, in order.
template <class Visit>
void in_blocks(CsrColumns& columns, Visit visit) {
  columns.next_row(
      [&](int32_t column, int64_t i) { visit(column / row_block_columns, column % row_block_columns, i); });
}

int64_t count_pieces(const Csr& weights, int32_t blocks, int32_t* starts) {
  int64_t total = 0;
  CsrColumns columns(weights);
  for (int32_t row = 0; row < weights.rows; ++row) {
    int32_t before = 0, count = 0;
    const auto close = [&](int32_t until) {  // the pieces before block `until`
      for (; before < until; ++before, count = 0) {
        if (starts != nullptr) starts[static_cast<int64_t>(row) * blocks + before] = static_cast<int32_t>(total);
        total += filled_up(count);
      }
    };
    in_blocks(columns, [&](int32_t block, int32_t, int64_t) {
      close(block);
      ++count;
    });
    close(blocks);
  }
  if (starts != nullptr) starts[static_cast<int64_t>(weights.rows) * blocks] = static_cast<int32_t>(total);
  return total;
}

template <class Value>
void place(const Csr& weights, const PackedRows& packed, uint16_t* indices, Value* values) {
  const Value* data = static_cast<const Value*>(weights.data);
  CsrColumns columns(weights);
  for (int32_t row = 0; row < weights.rows; ++row) {
    const int32_t* starts = packed.starts + static_cast<int64_t>(row) * packed.blocks;
    int32_t before = -1, at = 0;
    const auto fill = [&](int32_t block) {  // the rest of a piece, with the zero behind its block
      const int32_t zero = block + 1 < packed.blocks ? row_block_columns : weights.columns - block * row_block_columns;
      for (; at < starts[block + 1]; ++at) {
        indices[at] = static_cast<uint16_t>(zero);
        values[at] = Value{};
      }
    };
    in_blocks(columns, [&](int32_t block, int32_t column, int64_t i) {
      if (block != before) {
        if (before >= 0) fill(before);
        at = starts[block];
      }
      before = block;
      indices[at] = static_cast<uint16_t>(column);
      values[at++] = data[i];
    });
    if (before >= 0) fill(before);
  }
}

}  // namespace

bool pack_rows(const Csr& weights, Storage& storage, PackedRows& packed) {
  packed.blocks = (weights.columns - 1) / row_block_columns + 1;
  int32_t* starts = storage.take<int32_t>(static_cast<int64_t>(weights.rows) * packed.blocks + 1);
  const int64_t total = count_pieces(weights, packed.blocks, starts);
  if (total > INT32_MAX) return false;
  uint16_t* indices = storage.take<uint16_t>(total);
  packed.starts = starts;
  packed.indices = indices;
  const auto take = [&](auto value) {
    auto* values = storage.take<decltype(value)>(total);
    packed.values = values;
    if (!storage.measuring()) place(weights, packed, indices, values);
  };
  with_value_type(weights.data_type, take);
  return true;
}

}  // namespace lth
