#include "random_weights.h"

#include <cstring>

#include "float16.h"

namespace lth_test {

namespace {

template <typename T>
void append(std::vector<uint8_t>& bytes, T value) {
  uint8_t raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  bytes.insert(bytes.end(), raw, raw + sizeof value);
}

std::vector<std::vector<int32_t>> random_columns(Random& random, int32_t rows, int32_t columns) {
  const double density = random.chance(0.5) ? random.of({0.0, 0.03, 0.1, 0.2, 1.0}) : random.unit();
  const double empty_rows = random.chance(0.3) ? 0.5 : 0.0;
  const bool uneven = random.chance(0.3);  // rows of any number of nonzeros up to that
  std::vector<std::vector<int32_t>> result(static_cast<size_t>(rows));
  for (std::vector<int32_t>& row : result) {
    if (random.chance(empty_rows)) continue;
    const double share = uneven ? density * random.unit() : density;
    for (int32_t column = 0; column < columns; ++column) {
      if (random.chance(share)) row.push_back(column);
    }
  }
  return result;
}

float random_float32(Random& random, bool special) {
  if (random.chance(0.02)) return random.of({0.0f, -0.0f});
  if (special && random.chance(0.01)) return random.of<float>({NAN, INFINITY, -INFINITY});
  return random.normal();
}

uint16_t random_float16(Random& random, bool special) {
  if (special && random.chance(0.01)) return random.of<uint16_t>({0x7c00, 0xfc00, 0x7e00});
  return float16_pattern(random.bits());
}

void append_value(Random& random, TestLayer& layer, bool special) {
  switch (layer.layer.weights.data_type) {
    case lth::DataType::float32:
      return append(layer.data, random_float32(random, special));
    case lth::DataType::float16:
      return append(layer.data, random_float16(random, special));
    default:
      return append(layer.data, static_cast<int8_t>(random.between(-128, 127)));
  }
}

}  // namespace

std::vector<uint8_t> encode_indices(const std::vector<std::vector<int32_t>>& columns, lth::IndexType type) {
  std::vector<uint8_t> bytes;
  for (const std::vector<int32_t>& row : columns) {
    int32_t cursor = 0;
    for (int32_t column : row) {
      if (type == lth::IndexType::absolute16) {
        append(bytes, static_cast<uint16_t>(column));
        continue;
      }
      for (; column - cursor >= 255; cursor += 255) append(bytes, uint8_t{255});
      append(bytes, static_cast<uint8_t>(column - cursor));
      cursor = column + 1;
    }
  }
  return bytes;
}

void random_weights(Random& random, TestLayer& layer, int32_t rows, int32_t columns, bool special) {
  lth::Csr& csr = layer.layer.weights;
  csr.rows = rows;
  csr.columns = columns;
  csr.index_type = columns > 65536 || random.chance(0.5) ? lth::IndexType::gaps8 : lth::IndexType::absolute16;
  using lth::DataType;
  csr.data_type = random.of({DataType::float32, DataType::float32, DataType::float16, DataType::int8});
  const std::vector<std::vector<int32_t>> kept = random_columns(random, rows, columns);
  layer.indices = encode_indices(kept, csr.index_type);
  csr.index_count = static_cast<int64_t>(layer.indices.size() / index_bytes(csr.index_type));
  layer.indptr = {0};
  for (const std::vector<int32_t>& row : kept) {
    layer.indptr.push_back(layer.indptr.back() + static_cast<int32_t>(row.size()));
    if (csr.data_type == lth::DataType::int8) layer.scale.push_back(0.02f * random.normal());
    for (size_t i = 0; i < row.size(); ++i) append_value(random, layer, special);
  }
  csr.nnz = layer.indptr.back();
}

}  // namespace lth_test
