#include "matrices.h"

#include "../codec/codec.h"
#include "checksum.h"

namespace lth::coded {

namespace {

constexpr size_t profile_at = 4, bytes_before_heads = 5;  // a checksum comes first

uint32_t little_endian(const uint8_t* bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

int64_t lesser(int64_t a, int64_t b) { return a < b ? a : b; }

}  // namespace

bool CodedMatrices::refuse(const char* why) {
  error_ << why;
  return false;
}

bool CodedMatrices::open(const uint8_t* bytes, size_t size) {
  if (size <= bytes_before_heads) return refuse("end too early");
  if (checksum(bytes + profile_at, size - profile_at) != little_endian(bytes))
    return refuse("are damaged: their checksum is wrong");
  if (bytes[profile_at] > 1) return refuse("are of a kind that this library does not know");
  Numbers length(bytes + bytes_before_heads, size - bytes_before_heads);
  const uint64_t head_bytes = length.next(size);
  const size_t begin = bytes_before_heads + length.at();
  if (length.failed() || head_bytes > size - begin) return refuse("end too early");
  heads_ = Numbers(bytes + begin, static_cast<size_t>(head_bytes));
  weights_left_ = lesser(most_weights, static_cast<int64_t>(size) * most_weights_a_byte);
  kept_left_ = static_cast<int64_t>(size) * most_kept_a_byte;
  if (!stream_.resize(static_cast<size_t>(lth_codec_stream_bytes()))) return refuse("do not fit into memory");
  const uint8_t* coded = bytes + begin + head_bytes;
  lth_decode_begin(stream_.data(), bytes[profile_at], coded, static_cast<int64_t>(bytes + size - coded));
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
  Array<uint8_t> scratch(host_);
  const auto nnz = static_cast<size_t>(matrix.outline.nnz);
  if (!matrix.counts.resize(static_cast<size_t>(matrix.outline.rows)) || !matrix.values.resize(nnz) ||
      !matrix.columns.resize(matrix.full() ? 0 : nnz) ||
      !scratch.resize(static_cast<size_t>(lth_codec_scratch_bytes(matrix.outline.columns))))
    return refuse("do not fit into memory");
  const codec::Arrays arrays = {matrix.counts.data(), matrix.columns.data(), matrix.values.data()};
  return lth_decode(stream_.data(), &matrix.outline, &arrays, scratch.data()) || refuse("are damaged");
}

bool CodedMatrices::number(uint64_t most, uint64_t& out) {
  out = heads_.next(most);
  return out > 0 || refuse("have a number that cannot be");
}

bool CodedMatrices::finish() {
  return (heads_.at_end() && lth_decode_finish(stream_.data())) || refuse("are longer or shorter than they say");
}

}  // namespace lth::coded
