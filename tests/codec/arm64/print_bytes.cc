// Encodes the matrices of tests/codec/test_stream.py and prints their bytes, for a machine that is only emulated.
#include <stdio.h>

#include <vector>

#include "codec/codec.h"

using lth::codec::Arrays;
using lth::codec::Earlier;
using lth::codec::Matrix;

namespace {

struct Given {
  Matrix matrix;
  std::vector<uint32_t> counts, columns, values;

  void keep(uint32_t column, int32_t value) {
    ++counts.back();
    columns.push_back(column);
    values.push_back(value < 0 ? uint32_t{1} << 31 | static_cast<uint32_t>(-value) : static_cast<uint32_t>(value));
  }
};

Given patterned() {
  Given given = {{4, 18, 0, 9, 3, 0, 4, 1}, {}, {}, {}};
  for (int32_t cell = 0; cell < 72; ++cell) {
    if (cell % 18 == 0) given.counts.push_back(0);
    if (cell * 29 % 7 < 2) given.keep(cell % 18, cell * 37 % 17 - 8);
  }
  given.matrix.nnz = static_cast<int64_t>(given.values.size());
  return given;
}

Given full() {
  Given given = {{1, 7, 7, 1, 1, 0, 2, 1}, {0}, {}, {}};
  for (int32_t value = -3; value <= 3; ++value) given.keep(value + 3, value);
  return given;
}

// The patterned matrix again: a third of its weights gone, the others changed.
Given later(const Given& before) {
  Given given = {before.matrix, {}, {}, {}};
  size_t at = 0;
  for (const uint32_t count : before.counts) {
    given.counts.push_back(0);
    for (uint32_t i = 0; i < count; ++i, ++at) {
      const int32_t magnitude = static_cast<int32_t>(before.values[at] & INT32_MAX);
      const int32_t value = before.values[at] >> 31 ? -magnitude : magnitude;
      if (at % 3 != 1) given.keep(before.columns[at], value + static_cast<int32_t>(at % 2));
    }
  }
  given.matrix.nnz = static_cast<int64_t>(given.values.size());
  return given;
}

void print_bytes(int32_t best, bool since) {
  std::vector<uint8_t> stream(lth_codec_stream_bytes()), coded(1000);
  lth_encode_begin(stream.data(), best, coded.data(), coded.size());
  const auto encode = [&](Given given, const Earlier* earlier) {
    std::vector<uint8_t> scratch(lth_codec_scratch_bytes(given.matrix.columns));
    const Arrays arrays = {given.counts.data(), given.columns.data(), given.values.data()};
    return lth_encode_matrix(stream.data(), &given.matrix, &arrays, earlier, scratch.data()) != 0;
  };
  const Given before = patterned();
  const Earlier earlier = {before.matrix.nnz, before.counts.data(), before.columns.data(), before.values.data()};
  const bool coded_all = since ? encode(later(before), &earlier) : encode(before, nullptr) && encode(full(), nullptr);
  if (!coded_all) return;
  const int64_t size = lth_encode_finish(stream.data());
  for (int64_t i = 0; i < size; ++i) printf("%02x", coded[i]);
  printf("\n");
}

}  // namespace

int main() {
  for (const bool since : {false, true})
    for (const int32_t best : {0, 1}) print_bytes(best, since);
}
