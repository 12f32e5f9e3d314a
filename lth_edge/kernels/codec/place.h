// A cell of the matrix with all that is known when it is coded.
#pragma once

#include "neighbours.h"

namespace lth::codec {

// What is known of the row being coded.
struct RowSoFar {
  explicit RowSoFar(int64_t at) : row(at) {}

  int64_t row = 0;
  uint64_t kept = 0;       // weights
  uint64_t sizes = 0;      // of them, in sum
  uint32_t in_block = 0;   // weights kept in the block being coded
  Cell last;               // the last one kept
  uint32_t level = 0;      // of the share of kept weights
  uint32_t fed_level = 0;  // of that share in the row that feeds the column, in the matrix before
  Counter negative = {};
  uint64_t candidates = 0;  // weights kept in the earlier version
  uint32_t recent = 0;      // which of the last three of them still are

  void add(Cell cell) {
    ++kept;
    ++in_block;
    sizes += cell.size();
    last = cell;
  }
};

struct Place {
  const Matrix& matrix;
  const Logistic& logistic;
  const Rows& rows;
  int64_t c;
  Column& column;
  RowSoFar& row;
  Neighbours around;
  const uint32_t* earlier;  // what the weight was in the earlier version; null where there is none

  bool has_image() const { return matrix.block > 1; }
  Surroundings surroundings() const { return {rows.current(), c, column, matrix.width}; }
};

// Counters by table and context, all zeros at first.
template <int tables, int contexts>
class Counters {
 public:
  Counter& at(int table, uint32_t context) { return of_[table][context]; }

  void doubt() {
    for (auto& table : of_)
      for (Counter& counter : table) counter.doubt();
  }

 private:
  Counter of_[tables][contexts];
};

}  // namespace lth::codec
