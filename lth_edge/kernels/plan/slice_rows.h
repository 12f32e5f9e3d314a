// Walks over a row of a matrix in slices, as counting and packing it must do alike.
#pragma once

#include "../layers/csr.h"
#include "slices.h"

namespace lth {

inline int32_t widest_gap(bool wide) { return wide ? UINT16_MAX : UINT8_MAX; }

// Calls slot(block, slot, column in the block, nonzero) or step(gap, nonzero) for each nonzero of the next row, and
// step(gap, -1) for each gap that leads to nothing.
template <class Slot, class Step>
void next_sliced_row(CsrColumns& columns, int32_t slots, int32_t widest, Slot slot, Step step) {
  int32_t block = 0, used = 0, cursor = 0;
  columns.next_row([&](int32_t column, int64_t i) {
    if (column >= (block + 1) * static_cast<int64_t>(slice_block_columns)) {
      block = column / slice_block_columns;
      used = 0;
    }
    if (used < slots) return slot(block, used++, column - block * slice_block_columns, i);
    for (; column - cursor >= widest; cursor += widest) step(widest, int64_t{-1});
    step(column - cursor, i);
    cursor = column;
  });
}

}  // namespace lth
