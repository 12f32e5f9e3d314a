// What is known around a cell when it is coded: the cells before it in its row, and the three rows above.
#pragma once

#include "matrix.h"
#include "mixer.h"

namespace lth::codec {

// A coded cell: whether it is kept, its sign, and its magnitude in 32 steps. A pruned cell is all zeros.
struct Cell {
  uint8_t bits = 0;

  static Cell of(bool negative, uint32_t magnitude, int64_t magnitude_bits) {
    const int64_t shift = magnitude_bits > 5 ? magnitude_bits - 5 : 0;
    return {static_cast<uint8_t>(0x80 | negative << 6 | magnitude >> shift)};
  }

  uint32_t kept() const { return bits >> 7; }
  uint32_t size() const { return bits & 31; }
  uint32_t sign() const { return bits >> 6; }  // 0 pruned, 2 positive, 3 negative
};

// What is known of a column.
struct Column {
  uint32_t count;                    // kept weights in the rows above
  uint16_t share, smooth;            // of kept weights, alone and with the columns beside it in its image
  uint8_t level, smooth_level;       // of these
  uint8_t x_before, x_behind;        // columns in its image to the left and right, 3 at most
  uint8_t y_before;                  // image rows above it, 3 at most
  uint8_t y_behind, channel_before;  // 0 or 1
  Cell last;                         // the last weight kept in it
  Counter kept, negative;
};

// The cells around one, pruned ones where there are none.
struct Neighbours {
  Cell left, above, above_left, above_right;  // in the image
  Cell channel;                               // at its place in the block before
  Cell row[3];                                // in the same column of the rows above

  uint32_t pattern() const {
    return left.kept() | above.kept() << 1 | above_left.kept() << 2 | above_right.kept() << 3 | channel.kept() << 4;
  }

  uint32_t rows() const { return row[0].kept() | row[1].kept() << 1 | row[2].kept() << 2; }
};

inline uint8_t three(int64_t distance) { return static_cast<uint8_t>(distance < 3 ? distance : 3); }

// Where the columns of a matrix lie in their images.
inline void place_columns(const Matrix& matrix, Column* columns) {
  for (int64_t c = 0; c < matrix.columns; ++c) {
    const int64_t x = c % matrix.block % matrix.width, y = c % matrix.block / matrix.width;
    Column& column = columns[c];
    column = {};
    column.x_before = three(x);
    column.x_behind = three(matrix.width - 1 - x);
    column.y_before = three(y);
    column.y_behind = y + 1 < matrix.block / matrix.width;
    column.channel_before = c >= matrix.block;
  }
}

// What `rows` rows tell of the columns; `prior` is the share of kept weights in the whole matrix.
inline void sum_up_columns(const Matrix& matrix, int64_t rows, uint32_t prior, const Logistic& logistic,
                           Column* columns) {
  for (int64_t c = 0; c < matrix.columns; ++c) {
    Column& column = columns[c];
    uint64_t kept = 2 * uint64_t{column.count};
    uint32_t weight = 2;
    const auto beside = [&](bool there, int64_t place) {
      if (!there) return;
      kept += columns[place].count;
      ++weight;
    };
    beside(column.x_before > 0, c - 1);
    beside(column.x_behind > 0, c + 1);
    beside(column.y_before > 0, c - matrix.width);
    beside(column.y_behind > 0, c + matrix.width);
    column.share = static_cast<uint16_t>(share(column.count, rows, prior, 2));
    column.smooth = static_cast<uint16_t>(share(kept, uint64_t{weight} * rows, prior, 2 * weight));
    column.level = static_cast<uint8_t>(logistic.level(column.share));
    column.smooth_level = static_cast<uint8_t>(logistic.level(column.smooth));
  }
}

// The last four rows of cells, the one being coded among them.
class Rows {
 public:
  // `cells` has room for four rows.
  Rows(Cell* cells, const Matrix& matrix) : cells_(cells), columns_(matrix.columns), matrix_(matrix) {
    for (int64_t i = 0; i < 4 * columns_; ++i) cells_[i] = {};
  }

  void begin(int64_t row) {
    for (int64_t back = 0; back < 4; ++back) rows_[back] = cells_ + ((row - back) & 3) * columns_;
    for (int64_t c = 0; c < columns_; ++c) rows_[0][c] = {};
  }

  Cell* current() { return rows_[0]; }
  const Cell* current() const { return rows_[0]; }

  Neighbours around(int64_t c, const Column& column) const {
    const Cell* row = rows_[0];
    const int64_t above = c - matrix_.width;
    const bool y = column.y_before > 0;
    return {
        column.x_before > 0 ? row[c - 1] : Cell{},
        y ? row[above] : Cell{},
        y && column.x_before > 0 ? row[above - 1] : Cell{},
        y && column.x_behind > 0 ? row[above + 1] : Cell{},
        column.channel_before ? row[c - matrix_.block] : Cell{},
        {rows_[1][c], rows_[2][c], rows_[3][c]},
    };
  }

 private:
  Cell* cells_;
  int64_t columns_;
  const Matrix& matrix_;
  Cell* rows_[4];
};

// The cells of an image up to three places before one, the nearer the more: weights 144 / squared distance.
struct Surroundings {
  uint32_t kept = 0, looked_at = 0;
  int32_t signs = 0;  // kept positive ones less kept negative ones

  Surroundings(const Cell* row, int64_t c, const Column& column, int64_t width) {
    static constexpr uint8_t weights[4][4] = {{0, 144, 36, 16}, {144, 72, 28, 14}, {36, 28, 18, 11}, {16, 14, 11, 8}};
    for (int dy = 0; dy <= column.y_before; ++dy) {
      const int behind = dy == 0 ? -1 : column.x_behind;
      for (int dx = -column.x_before; dx <= behind; ++dx) {
        const uint32_t weight = weights[dy][dx < 0 ? -dx : dx];
        const Cell cell = row[c - dy * width + dx];
        looked_at += weight;
        kept += cell.kept() * weight;
        signs += cell.sign() == 2 ? static_cast<int32_t>(weight) : cell.sign() == 3 ? -static_cast<int32_t>(weight) : 0;
      }
    }
  }

  // The sign of `signs` and in which power of two it lies, 0 to 15.
  uint32_t leaning() const {
    uint32_t size = static_cast<uint32_t>(signs < 0 ? -signs : signs), power = 0;
    for (; size > 8 && power < 7; size >>= 1) ++power;
    return power + (signs > 0 ? 0 : 8);
  }
};

}  // namespace lth::codec
