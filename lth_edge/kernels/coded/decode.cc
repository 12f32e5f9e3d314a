#include "decode.h"

#include "../layers/csr.h"
#include "matrices.h"

namespace lth::coded {

namespace {

constexpr size_t value_bytes[] = {4, 2, 1};  // by DataType
constexpr int64_t most_absolute = 1 << 16;   // columns that a uint16 can name

// Writes what decoded matrices say into the arrays that kernels read.
class Layers {
 public:
  Layers(Host* host, CodedMatrices& matrices, Memory& memory, Message& error)
      : host_(host), matrices_(matrices), memory_(memory), error_(error) {}

  bool read_weights(Csr& weights) {
    CodedMatrix matrix(host_);
    return matrices_.next(weights.columns, matrix) && write_indptr(matrix, weights) && write_indices(matrix, weights) &&
           write_data(matrix, weights);
  }

  // A number a row: a scale, or a bias.
  bool read_vector(int32_t rows, const float*& out) {
    CodedMatrix matrix(host_);
    uint64_t exponent = 127;
    if (!matrices_.next(rows, matrix)) return false;
    if (matrix.outline.rows != 1 || !matrix.full()) return refuse("have no scale or bias for each row");
    if (matrix.form.type() == DataType::int8 && !matrices_.number(254, exponent)) return false;
    auto* numbers = take<float>(rows);
    if (numbers == nullptr) return false;
    for (int32_t i = 0; i < rows; ++i) {
      uint32_t bits = 0;
      if (!matrix.form.number(matrix.values[i], bits)) return refuse("hold a number that cannot be");
      numbers[i] = as_float(matrix.form.type(), bits, static_cast<uint32_t>(exponent));
    }
    out = numbers;
    return true;
  }

 private:
  bool refuse(const char* why) {
    error_ << why;
    return false;
  }

  template <class Item>
  Item* take(int64_t count) {
    auto* items = static_cast<Item*>(memory_.take(host_, static_cast<size_t>(count) * sizeof(Item)));
    if (items == nullptr) refuse("do not fit into memory");
    return items;
  }

  // An int8 is times the power of two whose float32 has this exponent field.
  static float as_float(DataType type, uint32_t bits, uint32_t exponent) {
    union {
      uint32_t bits;
      float value;
    } number = {type == DataType::int8 ? exponent << 23 : bits};
    if (type == DataType::float16) return half_to_float(static_cast<uint16_t>(bits));
    return type == DataType::int8 ? static_cast<float>(static_cast<int8_t>(bits)) * number.value : number.value;
  }

  bool write_indptr(const CodedMatrix& matrix, Csr& weights) {
    auto* indptr = take<int32_t>(matrix.outline.rows + 1);
    if (indptr == nullptr) return false;
    indptr[0] = 0;
    for (int64_t row = 0; row < matrix.outline.rows; ++row)
      indptr[row + 1] = indptr[row] + static_cast<int32_t>(matrix.counts[row]);
    weights.rows = static_cast<int32_t>(matrix.outline.rows);
    weights.indptr = indptr;
    weights.nnz = matrix.outline.nnz;
    return true;
  }

  // Calls visit(column, columns since the last one of the row) for each kept weight.
  template <class Visit>
  static void each_column(const CodedMatrix& matrix, Visit visit) {
    int64_t i = 0;
    for (size_t row = 0; row < matrix.counts.size(); ++row) {
      int64_t cursor = 0;
      for (int64_t end = i + matrix.counts[row]; i < end; ++i) {
        const int64_t column = matrix.full() ? cursor : matrix.columns[i];
        visit(column, column - cursor);
        cursor = column + 1;
      }
    }
  }

  // Columns, or gaps where these are fewer bytes: as files hold them where they are not coded.
  bool write_indices(const CodedMatrix& matrix, Csr& weights) {
    int64_t gaps = 0;
    each_column(matrix, [&](int64_t, int64_t gap) { gaps += gap / empty_gap + 1; });
    const bool absolute = matrix.outline.columns <= most_absolute && 2 * matrix.outline.nnz <= gaps;
    weights.index_type = absolute ? IndexType::absolute16 : IndexType::gaps8;
    weights.index_count = absolute ? matrix.outline.nnz : gaps;
    return absolute ? write_columns(matrix, weights) : write_gaps(matrix, weights);
  }

  bool write_columns(const CodedMatrix& matrix, Csr& weights) {
    auto* next = take<uint16_t>(weights.index_count);
    weights.indices = next;
    if (next == nullptr) return false;
    each_column(matrix, [&](int64_t column, int64_t) { *next++ = static_cast<uint16_t>(column); });
    return true;
  }

  bool write_gaps(const CodedMatrix& matrix, Csr& weights) {
    auto* next = take<uint8_t>(weights.index_count);
    weights.indices = next;
    if (next == nullptr) return false;
    each_column(matrix, [&](int64_t, int64_t gap) {
      for (; gap >= empty_gap; gap -= empty_gap) *next++ = empty_gap;
      *next++ = static_cast<uint8_t>(gap);
    });
    return true;
  }

  bool write_data(const CodedMatrix& matrix, Csr& weights) {
    weights.data_type = matrix.form.type();
    const size_t bytes = value_bytes[static_cast<int>(weights.data_type)];
    auto* next = take<uint8_t>(weights.nnz * static_cast<int64_t>(bytes));
    weights.data = next;
    if (next == nullptr) return false;
    for (size_t i = 0; i < matrix.values.size(); ++i, next += bytes) {
      uint32_t bits = 0;
      if (!matrix.form.number(matrix.values[i], bits)) return refuse("hold a number that cannot be");
      __builtin_memcpy(next, &bits, bytes);
    }
    return true;
  }

  Host* host_;
  CodedMatrices& matrices_;
  Memory& memory_;
  Message& error_;
};

bool is_scaled(const Layer& layer) {
  return layer.kind == LayerKind::convolution && layer.weights.data_type == DataType::int8;
}

}  // namespace

bool decode(Host* host, const Content& content, const Array<int64_t>& has_bias, Array<Layer>& layers, Memory& memory,
            Message& error) {
  Message why;
  CodedMatrices matrices(host, content, why);
  Layers reader(host, matrices, memory, why);
  size_t layer = 0;
  const auto all_read = [&](auto has, auto read) {
    for (layer = 0; layer < layers.size(); ++layer)
      if (has(layers[layer]) && !read(layers[layer])) return false;
    return true;
  };
  const bool read =
      matrices.begin() &&
      all_read([](const Layer& each) { return each.kind == LayerKind::convolution; },
               [&](Layer& each) { return reader.read_weights(each.weights); }) &&
      all_read(is_scaled, [&](Layer& each) { return reader.read_vector(each.weights.rows, each.weights.scale); }) &&
      all_read([&](const Layer&) { return has_bias[layer] == 1; },
               [&](Layer& each) { return reader.read_vector(each.weights.rows, each.bias); });
  if (read && matrices.finish()) return true;
  if (layer < layers.size()) error << "layer " << static_cast<int64_t>(layer) << ": ";
  error << "its coded weights " << why.text();
  return false;
}

}  // namespace lth::coded
