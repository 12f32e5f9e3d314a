// A matrix in slices of sixteen rows, each in a lane of its own (sliced ELLPACK).
//
// The first few nonzeros of a row in each block of 31 columns are looked up in registers: 5 bits say where, and the
// 32nd place is a zero, for rows that have fewer. All others are looked up in memory, in the row's order, by their
// distance from the one before. Rows are sorted by the number of those, so that those of a slice have about as many.
#pragma once

#include "../layers/layer.h"
#include "../layers/storage.h"
#include "machine.h"

namespace lth {

constexpr int32_t slice_lanes = 16;
constexpr int32_t slice_block_columns = 31;
constexpr int32_t slice_block_pitch = 32;  // of a block, with its zero, in the vector
constexpr int32_t most_slots = 6;          // 5 bits each of 32
constexpr int32_t most_narrow_slots = 3;   // or of 16

constexpr int32_t place_bytes(int32_t slots) { return slots > most_narrow_slots ? 4 : 2; }

struct RowOrder {
  int32_t* rows;    // [rows]: the row in each lane, slice by slice
  int32_t* lanes;   // [rows, to whole slices]: where each row is among them
  int32_t* starts;  // [slices + 1]: of each slice the first of its steps
};

struct Slices {
  int32_t count, blocks;
  RowOrder order;
  int32_t slots;       // nonzeros of a row and block that are looked up in registers
  const void* places;  // uint16 where all fit, else uint32 [count, blocks, lanes]: slot s has bits 5 s to 5 s + 4
  const void* values;  // [count, blocks, slots, lanes]
  // A step is a column and a value for each lane. A gap leads from one column to the next; the largest that its type
  // has leads that far, to nothing.
  bool wide_gaps;           // uint16, else uint8
  const void* gaps;         // [steps, lanes]
  const void* step_values;  // [steps, lanes]
};

// 0: the vector is read as it is.
int64_t spread_floats(const Slices& slices);

RowOrder take_row_order(int32_t rows, Storage& storage);

// By what the machine's lookups and the bytes of the matrix are estimated to take.
void choose_slices(const Csr& weights, const Machine& machine, Slices& slices);

void pack_slices(const Csr& weights, Storage& storage, Slices& slices);

}  // namespace lth
