// A matrix, cell by cell, through a coder: the same code encodes and decodes.
#pragma once

#include "mask_model.h"
#include "value_model.h"

namespace lth::codec {

constexpr int64_t most_fed = 1 << 16;  // rows whose shares are kept for the matrix behind

// All that is learned, from the first matrix of a stream to its last.
struct Model {
  Logistic logistic;
  Rates rates;
  MaskModel mask;
  ValueModel value;
  EarlierModel earlier;
  int64_t matrices;
  int64_t rows_before;             // of the matrix before, `most_fed` at most
  uint8_t level_before[most_fed];  // of the share of kept weights in each

  // Expects zeroed memory.
  void start() {
    logistic.fill();
    rates.fill();
    mask.start();
    value.start();
    earlier.start();
  }

  void next_matrix() {
    if (matrices++ == 0) return;
    mask.doubt();
    value.doubt();
    earlier.doubt();
  }
};

// Memory for a matrix while it is coded, besides its arrays.
struct Scratch {
  Column* columns;  // [columns]
  Cell* cells;      // [4 x columns]
  uint8_t* levels;  // [most_fed]
};

// Walks through what was kept in the earlier version, row by row.
class EarlierCells {
 public:
  explicit EarlierCells(const Earlier* earlier, int64_t cells)
      : earlier_(earlier), full_(earlier != nullptr && earlier->nnz == cells) {}

  void begin(int64_t row) { left_ = earlier_ == nullptr || full_ ? 0 : earlier_->counts[row]; }

  // What the weight in column `c` was, null where it was pruned; columns rise from call to call.
  const uint32_t* value(int64_t c) {
    if (full_) return earlier_->values + at_++;
    if (left_ == 0 || earlier_->columns[at_] != c) return nullptr;
    --left_;
    return earlier_->values + at_++;
  }

 private:
  const Earlier* earlier_;
  const bool full_;
  int64_t at_ = 0;
  uint32_t left_ = 0;
};

template <bool best, class Coder>
class MatrixCoder {
 public:
  MatrixCoder(Model& model, Coder& coder, const Matrix& matrix, const Arrays& arrays, const Earlier* earlier,
              const Scratch& scratch)
      : model_(model),
        coder_(coder),
        matrix_(matrix),
        arrays_(arrays),
        scratch_(scratch),
        rows_(scratch.cells, matrix),
        mixer_(model.logistic, model.rates),
        earlier_(earlier, matrix.rows * matrix.columns),
        candidates_(earlier == nullptr ? matrix.rows * matrix.columns : earlier->nnz),
        has_earlier_(earlier != nullptr),
        full_(matrix.nnz == matrix.rows * matrix.columns),
        prior_(share(matrix.nnz, matrix.rows * matrix.columns, 32768, 1)) {}

  // False: decoding met bytes that are not what was declared; encoding, arrays that are not.
  bool run() {
    model_.next_matrix();
    place_columns(matrix_, scratch_.columns);
    for (int64_t row = 0; row < matrix_.rows; ++row) {
      if (!code_row(row) || coder_.failed()) return false;
    }
    keep_levels();
    return done_ == matrix_.nnz;
  }

 private:
  bool code_row(int64_t row) {
    sum_up_columns(matrix_, row, prior_, model_.logistic, scratch_.columns);
    rows_.begin(row);
    earlier_.begin(row);
    RowSoFar so_far{row};
    for (int64_t c = 0; c < matrix_.columns; ++c) {
      if (c % matrix_.block == 0) so_far.in_block = 0;
      const uint32_t* const was = has_earlier_ ? earlier_.value(c) : nullptr;
      if (has_earlier_ && was == nullptr) continue;
      so_far.level = model_.logistic.level(share(so_far.kept, c, prior_, 8));
      so_far.fed_level = fed_level(c);
      Column& column = scratch_.columns[c];
      const Place place{matrix_, model_.logistic, rows_, c, column, so_far, rows_.around(c, column), was};
      if (matrix_.nnz == candidates_ || code_kept(place)) {
        if (done_ == matrix_.nnz) return false;
        code_value(place);
      }
    }
    if (Coder::decodes) arrays_.counts[row] = static_cast<uint32_t>(so_far.kept);
    if (row < most_fed) {
      const uint32_t kept = share(so_far.kept, matrix_.columns, prior_, 4);
      scratch_.levels[row] = static_cast<uint8_t>(model_.logistic.level(kept));
    }
    return Coder::decodes || arrays_.counts[row] == so_far.kept;
  }

  bool code_kept(const Place& place) {
    const bool kept = !Coder::decodes && done_ < matrix_.nnz && place.row.kept < arrays_.counts[place.row.row] &&
                      arrays_.columns[done_] == place.c;
    if (has_earlier_) {
      const uint32_t prior = share(matrix_.nnz, candidates_, 32768, 1);
      return model_.earlier.code_kept(coder_, kept, mixer_, place, prior);
    }
    return model_.mask.template code<best>(coder_, kept, mixer_, place);
  }

  void code_value(const Place& place) {
    const uint32_t given = Coder::decodes ? 0 : arrays_.values[done_];
    const uint32_t value = model_.value.template code<best>(coder_, given, mixer_, place, model_.earlier);
    const Cell cell = Cell::of(value >> 31, value & INT32_MAX, matrix_.magnitude_bits);
    rows_.current()[place.c] = cell;
    place.column.last = cell;
    ++place.column.count;
    place.row.add(cell);
    if (Coder::decodes) {
      if (!full_) arrays_.columns[done_] = static_cast<uint32_t>(place.c);
      arrays_.values[done_] = value;
    }
    ++done_;
  }

  uint32_t fed_level(int64_t c) const {
    const int64_t row = matrix_.fan > 0 ? c / matrix_.fan : most_fed;
    return row < model_.rows_before ? model_.level_before[row] : 0;
  }

  void keep_levels() {
    model_.rows_before = matrix_.rows < most_fed ? matrix_.rows : most_fed;
    for (int64_t row = 0; row < model_.rows_before; ++row) model_.level_before[row] = scratch_.levels[row];
  }

  Model& model_;
  Coder& coder_;
  const Matrix& matrix_;
  const Arrays& arrays_;
  const Scratch& scratch_;
  Rows rows_;
  Mixer mixer_;
  EarlierCells earlier_;
  const int64_t candidates_;  // weights that may be kept
  const bool has_earlier_, full_;
  const uint32_t prior_;
  int64_t done_ = 0;  // kept weights coded
};

}  // namespace lth::codec
