// For libFuzzer: any bytes are decoded without harm, and what they decode to, encoded, decodes to the same again.
//
// The first byte is the profile, the number of matrices and which of them have an earlier version; then come up to
// three matrices of eight bytes each, then the stream. An earlier version keeps every weight, or those that the bytes
// of the stream pick, and has values as the bytes have it.
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "codec/codec.h"

using lth::codec::Arrays;
using lth::codec::Earlier;
using lth::codec::Matrix;

namespace {

constexpr size_t matrix_bytes = 8;

// What a matrix was, made up from bytes; what contradicts the matrix is left as it is, for the decoder to refuse.
struct MadeUp {
  std::vector<uint32_t> counts, columns, values;

  MadeUp(const Matrix& matrix, const uint8_t* bytes, size_t size) {
    const bool full = size == 0 || bytes[0] % 4 == 0;
    size_t at = 0;
    const auto next = [&] { return size == 0 ? uint8_t{0} : bytes[at++ % size]; };
    for (int64_t row = 0; row < matrix.rows; ++row) {
      counts.push_back(0);
      for (int64_t c = 0; c < matrix.columns; ++c) {
        const uint8_t byte = next();
        if (!full && byte < 64) continue;
        ++counts.back();
        if (!full) columns.push_back(static_cast<uint32_t>(c) + (byte == 255));
        values.push_back(uint32_t{byte} << 24 | uint32_t{next()} << (byte & 15));
      }
    }
  }

  Earlier earlier() const {
    return {static_cast<int64_t>(values.size()), counts.data(), columns.data(), values.data()};
  }
};

// Memory of exactly the declared sizes, so that a sanitizer sees a step beyond.
struct Decoded {
  Matrix matrix;
  std::vector<uint32_t> counts, columns, values;
  const MadeUp* before = nullptr;

  explicit Decoded(const Matrix& declared) : matrix(declared) {
    counts.resize(declared.rows);
    columns.resize(declared.nnz == declared.rows * declared.columns ? 0 : declared.nnz);
    values.resize(declared.nnz);
  }

  Arrays arrays() { return {counts.data(), columns.data(), values.data()}; }
};

Matrix read_matrix(const uint8_t* bytes) {
  Matrix matrix = {};
  matrix.rows = bytes[0] % 32;
  matrix.width = bytes[1] % 8;
  matrix.block = matrix.width * (bytes[2] % 8);
  matrix.columns = matrix.block * (bytes[3] % 8) + (bytes[3] > 250);
  matrix.nnz = bytes[4] == 255 ? matrix.rows * matrix.columns : bytes[4] * (bytes[5] % 8);
  matrix.fan = bytes[5] >> 3;
  matrix.magnitude_bits = bytes[6] % 34;
  matrix.has_signs = bytes[7] % 3;
  return matrix;
}

void require(bool holds) {
  if (!holds) abort();
}

template <class Function>
bool run(Function function, void* stream, Decoded& decoded) {
  const int64_t bytes = lth_codec_scratch_bytes(decoded.matrix.columns);
  if (bytes == 0) return false;
  std::vector<uint8_t> scratch(bytes);
  const Arrays arrays = decoded.arrays();
  if (decoded.before == nullptr) return function(stream, &decoded.matrix, &arrays, nullptr, scratch.data());
  const Earlier earlier = decoded.before->earlier();
  return function(stream, &decoded.matrix, &arrays, &earlier, scratch.data());
}

bool decode(void* stream, int32_t best, const uint8_t* bytes, size_t size, std::vector<Decoded>& all) {
  lth_decode_begin(stream, best, bytes, size);
  for (Decoded& each : all)
    if (!run(lth_decode_matrix, stream, each)) return false;
  return lth_decode_finish(stream);
}

void decode_again(void* stream, int32_t best, std::vector<Decoded>& all) {
  std::vector<uint8_t> coded(1 << 20);
  lth_encode_begin(stream, best, coded.data(), coded.size());
  for (Decoded& each : all) require(run(lth_encode_matrix, stream, each));
  const int64_t size = lth_encode_finish(stream);
  require(size >= 0);
  std::vector<Decoded> again;
  for (const Decoded& each : all) {
    again.emplace_back(each.matrix);
    again.back().before = each.before;
  }
  require(decode(stream, best, coded.data(), size, again));
  for (size_t i = 0; i < all.size(); ++i) {
    require(all[i].counts == again[i].counts && all[i].columns == again[i].columns);
    require(all[i].values == again[i].values);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 1) return 0;
  const int32_t best = bytes[0] & 1, count = bytes[0] >> 1 & 3;
  const size_t head = 1 + count * matrix_bytes;
  if (size < head) return 0;
  std::vector<Decoded> all;
  std::vector<MadeUp> before;
  before.reserve(count);
  for (int32_t i = 0; i < count; ++i) {
    const Matrix matrix = read_matrix(bytes + 1 + i * matrix_bytes);
    if (!lth::codec::possible(matrix)) return 0;
    all.emplace_back(matrix);
    if (bytes[0] >> (3 + i) & 1) {
      before.emplace_back(matrix, bytes + head, size - head);
      all.back().before = &before.back();
    }
  }
  static std::vector<uint8_t> stream(lth_codec_stream_bytes());
  if (decode(stream.data(), best, bytes + head, size - head, all)) decode_again(stream.data(), best, all);
  return 0;
}
