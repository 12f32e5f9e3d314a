// A chain that owns its constants, the activations to run it on, and its words for a person.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "layers/layer.h"

namespace lth_test {

struct TestLayer {
  lth::Layer layer = {};  // its pointers are set by TestChain::view
  std::vector<int32_t> indptr;
  std::vector<uint8_t> indices;  // the bytes of them
  std::vector<uint8_t> data;     // the bytes of them
  std::vector<float> scale;
  std::vector<float> bias;
};

struct TestChain {
  bool linear = false;
  std::vector<TestLayer> layers;
  std::vector<int32_t> outputs;
  std::vector<lth::Extent> expected;  // one an activation, height and width 0 where not known
  std::vector<lth::Extent> extents;   // of the run
  int64_t batch = 1;
  std::vector<std::vector<float>> activations;  // [batch, channels, height, width], or [tokens, channels]
};

// A chain and its layers with every pointer into the TestChain, which must outlive it.
struct ChainView {
  std::vector<lth::Layer> layers;
  lth::Chain chain;
};
ChainView view(const TestChain& test);

size_t index_bytes(lth::IndexType type);
size_t data_bytes(lth::DataType type);
int64_t elements(const lth::Extent& extent);

std::string describe(const TestChain& test);

}  // namespace lth_test
