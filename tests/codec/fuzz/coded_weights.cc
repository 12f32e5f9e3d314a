// For libFuzzer: any coded weights are refused, or become layers that pass lth::check, in memory that is bounded.
//
// The first byte is the number of layers, 1 to 3; of each come two bytes, columns and whether it has a bias; then the
// coded weights but for their checksum, which is put right here.
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "coded/attributes.h"
#include "coded/checksum.h"
#include "coded/decode.h"

namespace {

void require(bool holds) {
  if (!holds) abort();
}

// Counts what is held at once.
struct CountingHost : lth::Host {
  size_t held = 0, most_held = 0;

  CountingHost() {
    allocate = [](lth::Host* self, size_t bytes) -> void* {
      auto* host = static_cast<CountingHost*>(self);
      auto* memory = static_cast<size_t*>(malloc(bytes + 16));
      *memory = bytes;
      host->held += bytes;
      if (host->held > host->most_held) host->most_held = host->held;
      return memory + 2;
    };
    release = [](lth::Host* self, void* memory) {
      auto* whole = static_cast<size_t*>(memory) - 2;
      static_cast<CountingHost*>(self)->held -= *whole;
      free(whole);
    };
  }
};

// A stream's tables, the scratch of the widest matrix, and what so many bytes may claim.
size_t most_held(size_t coded_bytes) { return (size_t{48} << 20) + coded_bytes * (size_t{4} << 12) * 2; }

bool is_whole(const lth::Array<lth::Layer>& layers) {
  std::vector<int32_t> outputs(layers.size());
  const auto count = static_cast<int32_t>(layers.size());
  for (int32_t i = 0; i < count; ++i) outputs[i] = count + i;
  const lth::Chain chain = {true, count, count, layers.data(), count, outputs.data()};
  lth::Message error;
  if (!lth::check(chain, error)) return false;
  int sum = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const lth::Csr& weights = layers[i].weights;
    const size_t value_bytes = weights.data_type == lth::DataType::int8      ? 1
                               : weights.data_type == lth::DataType::float16 ? 2
                                                                             : 4;
    const auto* bytes = static_cast<const uint8_t*>(weights.data);
    for (size_t j = 0; j < static_cast<size_t>(weights.nnz) * value_bytes; ++j) sum += bytes[j];
    for (int32_t row = 0; row < weights.rows; ++row) {
      if (weights.data_type == lth::DataType::int8) sum += weights.scale[row] > 0;
      if (layers[i].bias != nullptr) sum += layers[i].bias[row] > 0;
    }
  }
  return sum >= 0;
}

// Looks at every entry, so that a sanitizer sees one that is not there.
bool are_whole(const lth::coded::Attributes& attributes) {
  int64_t odd = 0;
  for (const char* name : {"activations", "source", "columns", "input_size", "tuning", "unknown"}) {
    const auto found = attributes.integers(name);
    for (size_t i = 0; i < found.size; ++i) odd ^= found.numbers[i] & 1;
  }
  const auto bounds = attributes.floats("bounds");
  for (size_t i = 0; i < bounds.size; ++i) odd ^= bounds.numbers[i] > 0;
  return odd == 0 || odd == 1;
}

void declare(const uint8_t* head, lth::Array<lth::Layer>& layers, lth::Array<int64_t>& has_bias) {
  for (size_t i = 0; i < layers.size(); ++i) {
    lth::Layer& layer = layers[i];
    layer.source = static_cast<int32_t>(i);
    layer.residual = -1;
    layer.group = 1;
    layer.window = {{1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 0};
    layer.weights.columns = layer.channels = head[2 * i] + 1;
    has_bias[i] = head[1 + 2 * i] & 1;
  }
}

void decode(lth::Host* host, const std::vector<uint8_t>& coded, size_t count, const uint8_t* head) {
  lth::Array<lth::Layer> layers(host);
  lth::Array<int64_t> has_bias(host);
  require(layers.resize(count) && has_bias.resize(count));
  declare(head, layers, has_bias);
  lth::coded::Content content = {};
  lth::coded::Attributes attributes(host);
  lth::coded::Memory memory;
  lth::Message error;
  const bool opened =
      lth::coded::open(coded.data(), coded.size(), content, error) && attributes.read(content.attributes, error);
  const bool decoded = opened && lth::coded::decode(host, content, has_bias, layers, memory, error);
  require(decoded || !error.empty());
  if (opened) require(are_whole(attributes));
  if (decoded) require(is_whole(layers));
  memory.release(host);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const size_t count = size == 0 ? 0 : 1 + bytes[0] % 3, head = 1 + 2 * count;
  if (size <= head) return 0;
  std::vector<uint8_t> coded(4);
  coded.insert(coded.end(), bytes + head, bytes + size);
  const uint32_t sum = lth::coded::checksum(coded.data() + 4, coded.size() - 4);
  for (int i = 0; i < 4; ++i) coded[i] = static_cast<uint8_t>(sum >> 8 * i);
  CountingHost host;
  decode(&host, coded, count, bytes + 1);
  require(host.most_held <= most_held(coded.size()));
  require(host.held == 0);
  return 0;
}
