#include "matrices.h"

#include "../codec/codec.h"
#include "../layers/rounding.h"

namespace lth::coded {

namespace {

int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

}  // namespace

CodedMatrices::CodedMatrices(Host* host, const Content& content, Message& error)
    : host_(host),
      content_(content),
      error_(error),
      stream_(host),
      heads_(content.heads),
      weights_left_(lesser(most_weights, static_cast<int64_t>(content.size) * most_weights_a_byte)),
      kept_left_(static_cast<int64_t>(content.size) * most_kept_a_byte) {}

bool CodedMatrices::refuse(const char* why) {
  error_ << why;
  return false;
}

bool CodedMatrices::begin() {
  const auto words = static_cast<size_t>(quotient_up(lth_codec_stream_bytes(), sizeof(uint64_t)));
  if (!stream_.resize(words)) return refuse("do not fit into memory");
  lth_decode_begin(stream_.data(), content_.best, content_.stream, static_cast<int64_t>(content_.stream_size));
  return true;
}

bool CodedMatrices::read_head(int64_t columns, CodedMatrix& matrix) {
  codec::Matrix& m = matrix.outline;
  m.rows = static_cast<int64_t>(heads_.next(INT32_MAX - 1));
  m.columns = static_cast<int64_t>(heads_.next(most_columns));
  m.nnz = static_cast<int64_t>(heads_.next(most_weights));
  m.block = static_cast<int64_t>(heads_.next(most_columns));
  m.width = static_cast<int64_t>(heads_.next(most_columns));
  m.fan = static_cast<int64_t>(heads_.next(most_columns));
  const uint64_t bits = heads_.next(63);
  m.magnitude_bits = static_cast<int64_t>(bits >> 1);
  m.has_signs = static_cast<int64_t>(bits & 1);
  if (!matrix.form.read(heads_) || heads_.failed() || !codec::possible(m)) return refuse("tell of no possible matrix");
  if (m.columns != columns) return refuse("have another number of columns than the layer");
  weights_left_ -= m.rows <= weights_left_ / m.columns ? m.rows * m.columns : weights_left_ + 1;
  kept_left_ -= m.nnz;
  return (weights_left_ >= 0 && kept_left_ >= 0) || refuse("claim more weights than their bytes can tell");
}

bool CodedMatrices::next(int64_t columns, CodedMatrix& matrix) {
  if (!read_head(columns, matrix)) return false;
  Array<uint64_t> scratch(host_);
  const int64_t scratch_bytes = lth_codec_scratch_bytes(matrix.outline.columns);
  const auto nnz = static_cast<size_t>(matrix.outline.nnz);
  if (!matrix.counts.resize(static_cast<size_t>(matrix.outline.rows)) || !matrix.values.resize(nnz) ||
      !matrix.columns.resize(matrix.full() ? 0 : nnz) ||
      !scratch.resize(static_cast<size_t>(quotient_up(scratch_bytes, sizeof(uint64_t)))))
    return refuse("do not fit into memory");
  const codec::Arrays arrays = {matrix.counts.data(), matrix.columns.data(), matrix.values.data()};
  return lth_decode_matrix(stream_.data(), &matrix.outline, &arrays, nullptr, scratch.data()) || refuse("are damaged");
}

bool CodedMatrices::number(uint64_t most, uint64_t& out) {
  out = heads_.next(most);
  return out > 0 || refuse("have a number that cannot be");
}

bool CodedMatrices::finish() {
  return (heads_.at_end() && lth_decode_finish(stream_.data())) || refuse("are longer or shorter than they say");
}

}  // namespace lth::coded
