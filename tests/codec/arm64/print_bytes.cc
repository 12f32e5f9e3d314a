// Encodes the matrices of tests/codec/test_stream.py and prints their bytes, for a machine that is only emulated.
#include <stdio.h>

#include <vector>

#include "codec/codec.h"

using lth::codec::Arrays;
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

void print_bytes(int32_t best) {
  std::vector<uint8_t> stream(lth_codec_stream_bytes()), coded(1000);
  lth_encode_begin(stream.data(), best, coded.data(), coded.size());
  for (Given given : {patterned(), full()}) {
    std::vector<uint8_t> scratch(lth_codec_scratch_bytes(given.matrix.columns));
    const Arrays arrays = {given.counts.data(), given.columns.data(), given.values.data()};
    if (lth_encode(stream.data(), &given.matrix, &arrays, scratch.data()) == 0) return;
  }
  const int64_t size = lth_encode_finish(stream.data());
  for (int64_t i = 0; i < size; ++i) printf("%02x", coded[i]);
  printf("\n");
}

}  // namespace

int main() {
  print_bytes(0);
  print_bytes(1);
}
