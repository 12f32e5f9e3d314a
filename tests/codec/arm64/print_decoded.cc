// Decodes coded weights and prints the arrays in hexadecimal, for a machine that is only emulated.
//
// Arguments: the file; then, for each layer, its columns and whether it has a bias.
#include <stdio.h>
#include <stdlib.h>

#include <vector>

#include "coded/decode.h"

namespace {

struct MallocHost : lth::Host {
  MallocHost() {
    allocate = [](lth::Host*, size_t bytes) { return malloc(bytes); };
    release = [](lth::Host*, void* memory) { free(memory); };
  }
};

std::vector<uint8_t> read_file(const char* path) {
  std::vector<uint8_t> bytes(1 << 20);
  FILE* file = fopen(path, "rb");
  if (file == nullptr) exit(2);
  bytes.resize(fread(bytes.data(), 1, bytes.size(), file));
  fclose(file);
  return bytes;
}

void print(const void* array, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) printf("%02x", static_cast<const uint8_t*>(array)[i]);
  printf("\n");
}

void print_layer(const lth::Layer& layer) {
  const lth::Csr& weights = layer.weights;
  const size_t rows = static_cast<size_t>(weights.rows), nnz = static_cast<size_t>(weights.nnz);
  const bool int8 = weights.data_type == lth::DataType::int8;
  print(weights.indptr, (rows + 1) * sizeof(int32_t));
  print(weights.indices, static_cast<size_t>(weights.index_count) *
                             (weights.index_type == lth::IndexType::absolute16 ? sizeof(uint16_t) : 1));
  print(weights.data, nnz * (int8 ? 1 : weights.data_type == lth::DataType::float16 ? 2 : 4));
  if (int8) print(weights.scale, rows * sizeof(float));
  if (layer.bias != nullptr) print(layer.bias, rows * sizeof(float));
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<uint8_t> bytes = read_file(arguments[1]);
  MallocHost host;
  lth::Array<lth::Layer> layers(&host);
  lth::Array<int64_t> has_bias(&host);
  const size_t size = static_cast<size_t>(count - 2) / 2;
  if (!layers.resize(size) || !has_bias.resize(size)) return 2;
  for (size_t i = 0; i < size; ++i) {
    layers[i].weights.columns = atoi(arguments[2 + 2 * i]);
    has_bias[i] = atoi(arguments[3 + 2 * i]);
  }
  lth::coded::Content content = {};
  lth::coded::Memory memory;
  lth::Message error;
  if (lth::coded::open(bytes.data(), bytes.size(), content, error) &&
      lth::coded::decode(&host, content, has_bias, layers, memory, error)) {
    for (size_t i = 0; i < size; ++i) print_layer(layers[i]);
  }
  printf("%s\n", error.text());
  memory.release(&host);
  return error.empty() ? 0 : 1;
}
