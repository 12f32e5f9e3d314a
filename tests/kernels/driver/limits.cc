#include <climits>

#include "comparison.h"
#include "guarded_chain.h"
#include "prepared.h"
#include "random_weights.h"
#include "trial.h"

namespace lth_test {

namespace {

// One layer that reads `columns` and gives `rows`, each from the last columns that it has.
TestChain one_layer(bool linear, int32_t rows, int32_t columns, lth::IndexType type, lth::Extent extent) {
  TestChain test;
  test.linear = linear;
  test.outputs = {1};
  test.extents = test.expected = {extent};
  TestLayer own;
  own.layer = {
      lth::LayerKind::convolution,      0, -1, columns, 1, {{1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 0}, {}, nullptr,
      {lth::ActivationKind::none, 0, 0}};
  std::vector<std::vector<int32_t>> kept;
  own.indptr = {0};
  for (int32_t row = 0; row < rows; ++row) {
    kept.push_back({});
    if (columns > 1 + row) kept.back().push_back(columns - 2 - row);
    kept.back().push_back(columns - 1);
    own.indptr.push_back(own.indptr.back() + static_cast<int32_t>(kept.back().size()));
  }
  own.indices = encode_indices(kept, type);
  own.data.resize(static_cast<size_t>(own.indptr.back()));
  for (size_t i = 0; i < own.data.size(); ++i) own.data[i] = static_cast<uint8_t>(i + 1);
  own.scale.assign(static_cast<size_t>(rows), 0.5f);
  lth::Csr& csr = own.layer.weights;
  csr = {rows, columns, nullptr, type, nullptr, 0, lth::DataType::int8, nullptr, own.indptr.back(), nullptr};
  csr.index_count = static_cast<int64_t>(own.indices.size() / index_bytes(type));
  test.layers.push_back(std::move(own));
  return test;
}

TestChain filled(TestChain test) {
  Random random(1);
  test.activations.emplace_back(static_cast<size_t>(test.batch * elements(test.extents[0])));
  for (float& number : test.activations[0]) number = random.normal();
  return test;
}

// Weights as wide as their index type allows, and wider than 16 bits can say.
std::string wide_weights(const Setting& setting) {
  const auto absolute = lth::IndexType::absolute16, gaps = lth::IndexType::gaps8;
  std::string found = compare(filled(one_layer(true, 3, 65536, absolute, {65536, 1, 2})), setting);
  if (found.empty()) found = compare(filled(one_layer(true, 3, 200001, gaps, {200001, 1, 3})), setting);
  if (found.empty()) found = compare(filled(one_layer(true, 20, 65536, absolute, {65536, 1, 1})), setting);
  if (found.empty()) found = compare(filled(one_layer(true, 20, 200001, gaps, {200001, 1, 1})), setting);
  if (found.empty()) found = compare(filled(one_layer(false, 5, 70001, gaps, {70001, 2, 3})), setting);
  return found;
}

struct Size {
  const char* what;
  bool linear;
  lth::Extent extent;
  bool fits;
};

// A layer of two rows over extents near the largest tensor, 2^31 - 1 elements; nothing is run.
std::string large_extents(const Setting& setting) {
  const Size sizes[] = {
      {"an image as large as may be", false, {1, 32767, 32768}, true},
      {"an output of 2^31 elements", false, {1, 32768, 32768}, false},
      {"an input of 2^31 elements", false, {1, 65536, 32768}, false},
      {"an input of 2^62 elements", false, {1, INT_MAX, INT_MAX}, false},
      {"tokens as many as may be", true, {1, 1, (1 << 30) - 1}, true},
      {"an output of 2^31 numbers", true, {1, 1, 1 << 30}, false},
      {"another number of channels", false, {2, 4, 4}, false},
      {"a negative height", false, {1, -4, 4}, false},
      {"a negative number of tokens", true, {1, 1, -1}, false},
  };
  for (const Size& size : sizes) {
    const TestChain test = one_layer(size.linear, 2, 1, lth::IndexType::absolute16, {1, 0, 0});
    const GuardedChain constants(test, setting.guard);
    TestHost host(setting.guard, setting.schedule);
    const Prepared prepared(setting.set, host, constants.chain(), test.expected.data());
    if (!prepared.program()) return "create: " + prepared.error();
    lth::Extent output;
    lth::Message message;
    if (lth::output_extents(prepared.program(), &size.extent, &output, message) == size.fits) continue;
    return std::string(size.what) + (size.fits ? " is refused" : " is accepted");
  }
  return "";
}

// One channel through a window, prepared for an image of 2^31 - 8 positions in a row or in a column; nothing is run.
std::string long_images(const Setting& setting) {
  constexpr int32_t length = INT_MAX - 7;
  const struct {
    int32_t height, width;
    lth::LayerKind kind;
  } windows[] = {{3, 3, lth::LayerKind::convolution},
                 {5, 5, lth::LayerKind::convolution},
                 {4, 1, lth::LayerKind::convolution},
                 {1, 4, lth::LayerKind::convolution},
                 {3, 3, lth::LayerKind::max_pool}};
  for (const auto& window : windows) {
    for (const lth::Extent extent : {lth::Extent{1, 1, length}, lth::Extent{1, length, 1}}) {
      TestChain test = one_layer(false, 1, window.height * window.width, lth::IndexType::absolute16, extent);
      lth::Layer& layer = test.layers[0].layer;
      const int32_t down = window.height / 2, across = window.width / 2;
      layer.kind = window.kind;
      layer.channels = 1;
      layer.window = {{window.height, window.width}, {1, 1}, {1, 1}, {down, across, down, across}, 0};
      if (window.height % 2 == 0) layer.window.pad[2] -= 1;
      if (window.width % 2 == 0) layer.window.pad[3] -= 1;
      const GuardedChain constants(test, setting.guard);
      TestHost host(setting.guard, setting.schedule);
      const Prepared prepared(setting.set, host, constants.chain(), test.expected.data());
      if (!prepared.program()) return "a long image: " + prepared.error();
    }
  }
  return "";
}

// Runs a layer on `extent` with memory for one number only.
bool runs_on_nothing(const TestChain& test, int64_t batch, lth::Extent extent, const Setting& setting) {
  const GuardedChain constants(test, setting.guard);
  TestHost host(setting.guard, setting.schedule);
  const Prepared prepared(setting.set, host, constants.chain(), test.expected.data());
  if (!prepared.program()) return false;
  const Buffer in(sizeof(float), sizeof(float), setting.guard), out(sizeof(float), sizeof(float), setting.guard);
  const float* const activations[] = {in.as<float>()};
  float* const outputs[] = {out.as<float>()};
  lth::Message message;
  return lth::run(prepared.program(), &host, batch, &extent, activations, outputs, message);
}

std::string nothing_to_do(const Setting& setting) {
  const TestChain images = one_layer(false, 2, 1, lth::IndexType::absolute16, {1, 8, 8});
  const TestChain tokens = one_layer(true, 2, 1, lth::IndexType::absolute16, {1, 1, 8});
  if (!runs_on_nothing(images, 0, {1, 8, 8}, setting)) return "a batch of none fails";
  if (!runs_on_nothing(tokens, 1, {1, 1, 0}, setting)) return "no tokens fail";
  return "";
}

std::string unknown_set(const Setting& setting) {
  const TestChain test = one_layer(true, 2, 1, lth::IndexType::absolute16, {1, 1, 8});
  const GuardedChain constants(test, setting.guard);
  TestHost host(setting.guard, setting.schedule);
  const Prepared prepared("abacus", host, constants.chain(), test.expected.data());
  if (prepared.program()) return "an instruction set of the name abacus is found";
  return prepared.error() == "refused without a reason" ? prepared.error() : "";
}

}  // namespace

std::string keep_limits(const Setting& setting) {
  for (const auto test : {wide_weights, large_extents, long_images, nothing_to_do, unknown_set}) {
    const std::string found = test(setting);
    if (!found.empty()) return found;
  }
  return "";
}

}  // namespace lth_test
