#include "random_chain.h"

#include <algorithm>

#include "geometry.h"
#include "random_weights.h"

namespace lth_test {

namespace {

constexpr int64_t most_products = 3000000;  // a layer, were it dense

// Around the vector lengths 4, 8 and 16 and their multiples, where remainders go wrong.
int32_t random_channels(Random& random) {
  if (random.chance(0.3)) return random.of({1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65});
  if (random.chance(0.02)) return random.between(300, 2100);  // offsets past 16 bits
  return random.between(1, random.chance(0.3) ? 70 : 20);
}

int32_t random_side(Random& random) {
  if (random.chance(0.4)) return random.of({1, 2, 4, 7, 8, 14, 16, 28, 32});
  return random.between(1, 40);
}

class Builder {
 public:
  Builder(uint64_t seed, Numbers numbers) : random_(seed), special_(numbers == Numbers::special) {}

  TestChain build() {
    test_.linear = random_.chance(0.4);
    test_.batch = test_.linear ? 1 : random_.of({1, 1, 2, 3});
    first_activation();
    const int32_t layers = random_.between(1, 5);
    for (int32_t i = 0; i < layers; ++i) add_layer();
    number_values();
    choose_outputs();
    choose_expected();
    fill_activations();
    return std::move(test_);
  }

 private:
  // While building, activation `i` has the number -2 - i and layer `i` the number i: more activations may come.
  const lth::Extent& extent(int32_t value) const {
    return value < 0 ? test_.extents[static_cast<size_t>(-2 - value)] : layer_extents_[static_cast<size_t>(value)];
  }

  int32_t add_activation(const lth::Extent& extent) {
    test_.extents.push_back(extent);
    return -1 - static_cast<int32_t>(test_.extents.size());
  }

  void first_activation() {
    lth::Extent first = {random_channels(random_), random_side(random_), random_side(random_)};
    if (random_.chance(0.1)) first.height = 1;  // one spatial axis
    if (test_.linear) {
      const int32_t features = random_.chance(0.2) ? random_.between(200, 700) : random_channels(random_);
      first = {features, 1, random_.chance(0.4) ? 1 : random_.between(1, 40)};
    }
    add_activation(first);
  }

  int32_t random_source() {
    const int32_t built = static_cast<int32_t>(test_.layers.size());
    if (built == 0) return -2;
    if (random_.chance(0.75)) return built - 1;
    const int32_t pick = random_.between(-static_cast<int64_t>(test_.extents.size()), built - 1);
    return pick < 0 ? pick - 1 : pick;
  }

  void add_layer() {
    const int32_t source = random_source();
    const lth::Extent from = extent(source);
    TestLayer own;
    lth::Layer& layer = own.layer;
    layer.kind = lth::LayerKind::convolution;
    if (!test_.linear && random_.chance(0.15)) {
      layer.kind = random_.chance(0.7) ? lth::LayerKind::max_pool : lth::LayerKind::average;
    }
    layer.source = source;
    layer.residual = -1;
    layer.channels = from.channels;
    layer.group = 1;
    layer.window = plain_window();
    if (!test_.linear && layer.kind == lth::LayerKind::convolution && random_.chance(0.25)) {
      depthwise_window(layer, from);
    } else if (layer.kind == lth::LayerKind::max_pool && halvable(from) && random_.chance(0.5)) {
      layer.window = halving_window();
    } else if (!test_.linear && layer.kind != lth::LayerKind::average) {
      random_window(layer, from);
    }
    lth::Extent to = positions(layer, from);
    if (layer.kind == lth::LayerKind::convolution) {
      to.channels = convolution(own, from, to);
      layer.residual = random_residual(to);
    }
    layer_extents_.push_back(to);
    test_.layers.push_back(std::move(own));
  }

  static lth::Window plain_window() { return {{1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 0}; }

  // Pools that halve an image each way are the common ones, and have a kernel of their own.
  static bool halvable(const lth::Extent& from) { return from.height % 2 == 0 && from.width % 2 == 0; }

  lth::Window halving_window() {
    const int32_t pad = random_.between(0, 1), size = 2 + pad;
    return {{size, size}, {2, 2}, {1, 1}, {pad, pad, pad, pad}, 0};
  }

  void random_window(lth::Layer& layer, const lth::Extent& from) {
    const bool pool = layer.kind == lth::LayerKind::max_pool;
    lth::Window& window = layer.window;
    if (!pool && random_.chance(0.35)) return;  // pointwise
    const int32_t square = random_.of({1, 2, 3, 3, 3, 3, 5, 7}), stride = random_.of({1, 1, 1, 2, 2, 3});
    for (int axis = 0; axis < 2; ++axis) {
      window.kernel[axis] = random_.chance(0.75) ? square : random_.between(1, 6);
      window.stride[axis] = random_.chance(0.75) ? stride : random_.between(1, 9);
      window.dilation[axis] = random_.chance(0.7) ? 1 : random_.between(2, 4);
      const int32_t most = pool ? window.kernel[axis] - 1 : window.kernel[axis] + 1;
      const int32_t half = (window.kernel[axis] - 1) * window.dilation[axis] / 2;
      const bool same = random_.chance(0.6) && half <= most;
      window.pad[axis] = same ? half : random_.between(0, most);
      window.pad[axis + 2] = same ? half : random_.between(0, most);
    }
    window.auto_pad = random_.of({0, 0, 0, 1, 2});
    if (pool) window.dilation[0] = window.dilation[1] = 1;  // a window between two pads only has no maximum
    const int32_t sizes[2] = {from.height, from.width};
    for (int axis = 0; axis < 2; ++axis) fit(window, axis, sizes[axis]);
  }

  // Windows that are read in place where each channel is a group of its own.
  void depthwise_window(lth::Layer& layer, const lth::Extent& from) {
    lth::Window& window = layer.window;
    layer.group = from.channels;
    const int32_t kernel = random_.of({3, 5}), stride = random_.of({1, 2});
    const bool same = random_.chance(0.6);
    for (int axis = 0; axis < 2; ++axis) {
      window.kernel[axis] = kernel;
      window.stride[axis] = stride;
      window.pad[axis] = same ? kernel / 2 : random_.between(0, kernel + 1);
      window.pad[axis + 2] = same ? kernel / 2 : random_.between(0, kernel + 1);
    }
    window.auto_pad = random_.of({0, 0, 0, 1, 2});
    const int32_t sizes[2] = {from.height, from.width};
    for (int axis = 0; axis < 2; ++axis) fit(window, axis, sizes[axis]);
  }

  static void fit(lth::Window& window, int axis, int32_t size) {
    if (window_axis(window, axis, size).output >= 1) return;
    window.kernel[axis] = window.dilation[axis] = 1;
    if (window.pad[axis] + window.pad[axis + 2] > 0) window.pad[axis] = window.pad[axis + 2] = 0;
  }

  static lth::Extent positions(const lth::Layer& layer, const lth::Extent& from) {
    if (layer.kind == lth::LayerKind::average) return {from.channels, 1, 1};
    const int64_t height = window_axis(layer.window, 0, from.height).output;
    const int64_t width = window_axis(layer.window, 1, from.width).output;
    return {from.channels, static_cast<int32_t>(height), static_cast<int32_t>(width)};
  }

  // Gives the layer its weights, bias and activation, and returns its rows.
  int32_t convolution(TestLayer& own, const lth::Extent& from, const lth::Extent& to) {
    lth::Layer& layer = own.layer;
    if (!test_.linear && layer.group == 1 && random_.chance(0.2)) layer.group = random_group(from.channels);
    const int32_t area = layer.window.kernel[0] * layer.window.kernel[1];
    const int32_t columns = from.channels / layer.group * area;
    const int64_t products = test_.batch * columns * to.height * to.width;
    int32_t rows = layer.group * std::max(1, random_channels(random_) / layer.group);
    if (random_.chance(layer.group == 1 ? 0.3 : 0.8)) rows = from.channels;  // so that a residual fits
    const bool single_token = test_.linear && from.width == 1;               // packed in slices of rows, sorted
    if (test_.linear && random_.chance(single_token ? 0.3 : 0.1)) rows = random_.between(100, 400);
    const int64_t most = std::max<int64_t>(1, most_products / products / layer.group);
    rows = layer.group * static_cast<int32_t>(std::min<int64_t>(rows / layer.group, most));
    random_weights(random_, own, rows, columns, special_);
    if (random_.chance(0.6)) {
      for (int32_t row = 0; row < rows; ++row) own.bias.push_back(random_.normal());
    }
    layer.activation = random_activation();
    return rows;
  }

  int32_t random_group(int32_t channels) {
    if (random_.chance(0.5)) return channels;  // depthwise
    const int32_t group = random_.between(1, channels);
    return channels % group == 0 ? group : 1;
  }

  lth::Activation random_activation() {
    switch (random_.between(0, 7)) {
      case 0:
      case 1:
      case 2:
        return {lth::ActivationKind::clip, 0, INFINITY};
      case 3:
        return {lth::ActivationKind::clip, random_.of({0.0f, -1.0f, -0.25f}), random_.of({6.0f, 1.0f, 0.5f})};
      case 4:
        return {lth::ActivationKind::hard_swish, 0, 0};
      case 5:
        return {random_.chance(0.5) ? lth::ActivationKind::gelu_erf : lth::ActivationKind::gelu_tanh, 0, 0};
      default:
        return {lth::ActivationKind::none, 0, 0};
    }
  }

  int32_t random_residual(const lth::Extent& to) {
    std::vector<int32_t> fitting;
    for (int32_t v = 0; v < static_cast<int32_t>(layer_extents_.size() + test_.extents.size()); ++v) {
      const int32_t value =
          v < static_cast<int32_t>(layer_extents_.size()) ? v : static_cast<int32_t>(layer_extents_.size()) - v - 2;
      if (same(extent(value), to)) fitting.push_back(value);
    }
    if (random_.chance(0.08) && test_.extents.size() < 4) return add_activation(to);
    if (fitting.empty() || random_.chance(0.4)) return -1;
    return fitting[random_.bits() % fitting.size()];
  }

  void number_values() {
    const int32_t activations = static_cast<int32_t>(test_.extents.size());
    for (TestLayer& own : test_.layers) {
      for (int32_t* value : {&own.layer.source, &own.layer.residual}) {
        if (*value != -1) *value = *value >= 0 ? activations + *value : -2 - *value;
      }
    }
  }

  void choose_outputs() {
    const int32_t activations = static_cast<int32_t>(test_.extents.size());
    const int32_t last = static_cast<int32_t>(test_.layers.size()) - 1;
    test_.outputs = {activations + last};
    for (int32_t i = 0; i < last; ++i) {
      if (!random_.chance(0.25)) continue;
      const size_t place = random_.bits() % (test_.outputs.size() + 1);
      test_.outputs.insert(test_.outputs.begin() + static_cast<std::ptrdiff_t>(place), activations + i);
    }
  }

  // Known, unknown, or others than those of the run.
  void choose_expected() {
    test_.expected = test_.extents;
    if (random_.chance(0.6)) return;
    const int32_t more = random_.chance(0.5) ? random_.between(1, 9) : 0;
    for (lth::Extent& extent : test_.expected) {
      extent.width = more == 0 ? 0 : extent.width + more;
      if (!test_.linear) extent.height = more == 0 ? 0 : extent.height + more;
    }
    if (more == 0 || !value_extents(view(test_).chain, test_.expected.data()).empty()) return;
    test_.expected = test_.extents;
  }

  void fill_activations() {
    for (const lth::Extent& extent : test_.extents) {
      std::vector<float> numbers(static_cast<size_t>(test_.batch * elements(extent)));
      for (float& number : numbers) number = random_number();
      test_.activations.push_back(std::move(numbers));
    }
  }

  float random_number() {
    if (random_.chance(0.1)) return random_.of({0.0f, -0.0f});
    if (special_ && random_.chance(0.004)) return random_.of<float>({NAN, INFINITY, -INFINITY});
    return random_.normal();
  }

  Random random_;
  const bool special_;
  TestChain test_;
  std::vector<lth::Extent> layer_extents_;
};

}  // namespace

TestChain random_chain(uint64_t seed, Numbers numbers) { return Builder(seed, numbers).build(); }

}  // namespace lth_test
