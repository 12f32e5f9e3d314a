// The matrices of coded weights, one after the other.
#pragma once

#include "../codec/matrix.h"
#include "../layers/array.h"
#include "content.h"
#include "number_form.h"

namespace lth::coded {

constexpr int64_t most_columns = int64_t{1} << 20;
constexpr int64_t most_weights = int64_t{1} << 28;  // of all matrices together, pruned ones too
constexpr int64_t most_weights_a_byte = int64_t{1} << 12;
constexpr int64_t most_kept_a_byte = int64_t{1} << 9;

// What is said of a matrix before its weights, and these as the coder's words.
struct CodedMatrix {
  explicit CodedMatrix(Host* host) : counts(host), columns(host), values(host) {}

  bool full() const { return outline.nnz == outline.rows * outline.columns; }

  codec::Matrix outline = {};
  NumberForm form;
  Array<uint32_t> counts;   // [rows], kept weights of each
  Array<uint32_t> columns;  // [nnz], empty where all weights are kept
  Array<uint32_t> values;   // [nnz]
};

// Decodes matrices. What it allocates is bounded by the number of bytes: see the limits above.
class CodedMatrices {
 public:
  // The bytes must stay.
  CodedMatrices(Host* host, const Content& content, Message& error);

  // False, here and below: the bytes are damaged, or there is no memory; the error says.
  bool begin();

  // The next matrix, which has so many columns.
  bool next(int64_t columns, CodedMatrix& matrix);

  // The next number between the heads of matrices, 1 at least.
  bool number(uint64_t most, uint64_t& out);

  // Whether the matrices so far are all.
  bool finish();

 private:
  bool refuse(const char* why);
  bool read_head(int64_t columns, CodedMatrix& matrix);

  Host* host_;
  const Content& content_;
  Message& error_;
  Array<uint64_t> stream_;
  Numbers heads_;
  int64_t weights_left_, kept_left_;
};

}  // namespace lth::coded
