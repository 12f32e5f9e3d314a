// A sparse matrix as the coder takes and gives it: what a caller declares before the first byte is read.
#pragma once

#include <stdint.h>

namespace lth::codec {

// Columns are `block`s of equal length, each an image `width` wide: a kernel of a convolution, a channel of what a
// linear layer reads, or the whole input. 1 and 1 where columns have no such order.
struct Matrix {
  int64_t rows, columns;
  int64_t nnz;             // kept weights; all of them kept: no mask is coded
  int64_t block, width;    // columns % block == 0 and block % width == 0
  int64_t fan;             // columns that a row of the matrix coded before feeds; 0: it feeds none
  int64_t magnitude_bits;  // of the values, 0 to 31
  int64_t has_signs;       // 0: no value is negative
};

// CSR. A value has its sign in the highest bit and its magnitude below, by itself: zero with a minus is a value.
struct Arrays {
  uint32_t* counts;   // [rows] kept weights of each row
  uint32_t* columns;  // [nnz], rising within a row; null where all weights are kept
  uint32_t* values;   // [nnz]
};

// The matrix as it was in an earlier version: what was pruned then stays pruned, so a mask is coded of what was kept
// then alone, and none where all of that is. Its values are in the words of the new ones.
struct Earlier {
  int64_t nnz;
  const uint32_t* counts;   // [rows]
  const uint32_t* columns;  // [nnz], rising within a row; null where all weights were kept
  const uint32_t* values;   // [nnz]
};

constexpr int64_t most_columns = 1 << 24;
constexpr int64_t most_cells = int64_t{1} << 32;

// Whether a matrix can be coded at all; what its bytes say of it is checked as they are read.
inline bool possible(const Matrix& m) {
  if (m.rows < 1 || m.columns < 1 || m.columns > most_columns || m.rows > most_cells / m.columns) return false;
  if (m.nnz < 0 || m.nnz > m.rows * m.columns) return false;
  if (m.block < 1 || m.width < 1 || m.columns % m.block != 0 || m.block % m.width != 0) return false;
  if (m.fan < 0 || m.magnitude_bits < 0 || m.magnitude_bits > 31) return false;
  return m.has_signs == 0 || m.has_signs == 1;
}

// Whether an earlier version is one of this matrix: every index that will be followed is looked at.
inline bool is_earlier(const Earlier& earlier, const Matrix& m) {
  const int64_t cells = m.rows * m.columns;
  if (earlier.nnz < m.nnz || earlier.nnz > cells) return false;
  if (earlier.nnz == cells) return true;
  int64_t at = 0;
  for (int64_t row = 0; row < m.rows; ++row) {
    if (earlier.counts[row] > earlier.nnz - at) return false;
    int64_t before = -1;
    for (const int64_t end = at + earlier.counts[row]; at < end; ++at) {
      if (earlier.columns[at] <= before || earlier.columns[at] >= m.columns) return false;
      before = earlier.columns[at];
    }
  }
  return at == earlier.nnz;
}

}  // namespace lth::codec
