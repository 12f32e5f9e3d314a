// Reading a matrix in compressed sparse row form, whichever types its indices and data have. Rows in order, O(nnz) in
// all.
#pragma once

#include "layer.h"

namespace lth {

// IEEE half precision, subnormals, infinities and NaN included.
inline float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(half & 0x7fff) << 13;
  union {
    uint32_t bits;
    float value;
  } wide = {magnitude};
  const bool special = magnitude >= (31u << 23);
  if (special) {
    wide.bits |= 255u << 23;
  } else {
    wide.value *= 5.192296858534828e33f;  // 2^112: the difference of the exponents' biases
  }
  wide.bits |= sign;
  return wide.value;
}

inline float csr_value(const Csr& matrix, int64_t i, int32_t row) {
  switch (matrix.data_type) {
    case DataType::float16:
      return half_to_float(static_cast<const uint16_t*>(matrix.data)[i]);
    case DataType::int8:
      return static_cast<float>(static_cast<const int8_t*>(matrix.data)[i]) * matrix.scale[row];
    default:
      return static_cast<const float*>(matrix.data)[i];
  }
}

// Calls visit(Type{}) with the type that a matrix's data are stored as.
template <class Visit>
void with_value_type(DataType type, Visit visit) {
  switch (type) {
    case DataType::float16:
      return visit(uint16_t{});
    case DataType::int8:
      return visit(int8_t{});
    default:
      return visit(float{});
  }
}

constexpr uint8_t empty_gap = 255;

// Steps through the columns of a checked matrix, row by row from the first.
class CsrColumns {
 public:
  explicit CsrColumns(const Csr& matrix) : matrix_(matrix) {}

  // Calls visit(column, i) for each nonzero `i` of the next row, columns rising.
  template <class Visit>
  void next_row(Visit visit) {
    const int64_t begin = matrix_.indptr[row_], end = matrix_.indptr[row_ + 1];
    ++row_;
    if (matrix_.index_type == IndexType::absolute16) {
      const uint16_t* columns = static_cast<const uint16_t*>(matrix_.indices);
      for (int64_t i = begin; i < end; ++i) visit(static_cast<int32_t>(columns[i]), i);
      return;
    }
    const uint8_t* gaps = static_cast<const uint8_t*>(matrix_.indices);
    int32_t cursor = 0;
    for (int64_t i = begin; i < end; ++i) {
      for (; gaps[gap_] == empty_gap; ++gap_) cursor += empty_gap;
      cursor += gaps[gap_++];
      visit(cursor++, i);
    }
  }

 private:
  const Csr& matrix_;
  int32_t row_ = 0;
  int64_t gap_ = 0;
};

}  // namespace lth
