#include "hostile.h"

#include <climits>
#include <cstring>

namespace lth_test {

namespace {

int32_t odd_number(Random& random) {
  return random.of<int32_t>({0, -1, 1, 2, 3, 255, 256, 65535, 65536, 1 << 30, INT_MAX, INT_MIN, INT_MIN + 1});
}

bool indptr_is_valid(const TestLayer& own) {
  const lth::Csr& csr = own.layer.weights;
  if (csr.rows < 1 || own.indptr.size() != static_cast<size_t>(csr.rows) + 1) return false;
  if (own.indptr.front() != 0 || own.indptr.back() != csr.nnz) return false;
  for (size_t row = 0; row + 1 < own.indptr.size(); ++row) {
    if (own.indptr[row] > own.indptr[row + 1]) return false;
  }
  return true;
}

bool columns_are_valid(const TestLayer& own) {
  const lth::Csr& csr = own.layer.weights;
  if (csr.index_count < csr.nnz) return false;
  for (size_t row = 0; row + 1 < own.indptr.size(); ++row) {
    int32_t before = -1;
    for (int32_t i = own.indptr[row]; i < own.indptr[row + 1]; ++i) {
      uint16_t column;
      std::memcpy(&column, own.indices.data() + 2 * static_cast<size_t>(i), 2);
      if (column <= before || column >= csr.columns) return false;
      before = column;
    }
  }
  return true;
}

bool gaps_are_valid(const TestLayer& own) {
  size_t at = 0;
  for (size_t row = 0; row + 1 < own.indptr.size(); ++row) {
    int64_t cursor = 0;
    for (int32_t i = own.indptr[row]; i < own.indptr[row + 1]; ++i, ++cursor) {
      for (; at < own.indices.size() && own.indices[at] == 255; ++at) cursor += 255;
      if (at == own.indices.size()) return false;
      cursor += own.indices[at++];
      if (cursor >= own.layer.weights.columns) return false;
    }
  }
  return true;
}

TestLayer* some_convolution(Random& random, TestChain& test) {
  const size_t first = random.bits() % test.layers.size();
  for (size_t i = 0; i < test.layers.size(); ++i) {
    TestLayer& own = test.layers[(first + i) % test.layers.size()];
    if (own.layer.kind == lth::LayerKind::convolution) return &own;
  }
  return nullptr;
}

void break_indptr(Random& random, TestLayer& own) {
  int32_t& entry = own.indptr[random.bits() % own.indptr.size()];
  entry = random.chance(0.5) ? entry + random.of({-1, 1}) : odd_number(random);
}

void break_indices(Random& random, TestLayer& own) {
  if (own.indices.empty()) return;
  uint8_t& byte = own.indices[random.bits() % own.indices.size()];
  byte = random.chance(0.3) ? 255 : static_cast<uint8_t>(random.bits());
}

void shorten_indices(Random& random, TestLayer& own) {
  lth::Csr& csr = own.layer.weights;
  if (csr.index_count == 0) return;
  csr.index_count = random.between(0, csr.index_count - 1);
  own.indices.resize(static_cast<size_t>(csr.index_count) * index_bytes(csr.index_type));
}

void resize_data(Random& random, TestLayer& own) {
  lth::Csr& csr = own.layer.weights;
  csr.nnz = random.chance(0.5) ? csr.nnz + 1 : random.between(0, csr.nnz);
  own.data.resize(static_cast<size_t>(csr.nnz) * data_bytes(csr.data_type));
}

// Counts that contradict each other or are no counts at all.
Break break_layer(Random& random, TestLayer& own) {
  lth::Layer& layer = own.layer;
  switch (random.between(0, 7)) {
    case 0:
      layer.channels = odd_number(random);
      return {"channels", Verdict::any};
    case 1:
      layer.group = odd_number(random);
      return {"group", Verdict::any};
    case 2:
      layer.weights.columns = odd_number(random);
      return {"columns", Verdict::any};
    case 3:
      layer.kind = static_cast<lth::LayerKind>(random.of({3, -1, 99}));
      return {"kind", Verdict::refuse};
    case 4:
      layer.activation.kind = static_cast<lth::ActivationKind>(random.of({5, -1, 99}));
      return {"activation", Verdict::refuse};
    case 5:
      layer.window.auto_pad = random.of({3, -1, 99});
      return {"auto_pad", Verdict::refuse};
    case 6:
      layer.source = random.of({-1, -2, 1 << 20, INT_MAX, INT_MIN});
      return {"source", Verdict::refuse};
    default:
      layer.residual = random.of({-2, 1 << 20, INT_MAX, INT_MIN});
      return {"residual", Verdict::refuse};
  }
}

Break break_window(Random& random, lth::Window& window) {
  const int axis = random.between(0, 1);
  const int32_t number = odd_number(random);
  const Verdict positive = number < 1 ? Verdict::refuse : Verdict::any;
  switch (random.between(0, 3)) {
    case 0:
      window.kernel[axis] = number;
      return {"kernel_shape", positive};
    case 1:
      window.stride[axis] = number;
      return {"strides", positive};
    case 2:
      window.dilation[axis] = number;
      return {"dilations", positive};
    default:
      window.pad[random.between(0, 3)] = number;
      return {"pads", number < 0 && window.auto_pad == 0 ? Verdict::refuse : Verdict::any};
  }
}

Break break_values(Random& random, TestChain& test) {
  const int32_t activations = static_cast<int32_t>(test.extents.size());
  const int32_t values = activations + static_cast<int32_t>(test.layers.size());
  if (random.chance(0.5)) {
    test.outputs[random.bits() % test.outputs.size()] = random.of({-1, 0, values, INT_MAX, INT_MIN});
    return {"outputs", Verdict::refuse};
  }
  const size_t layer = random.bits() % test.layers.size();
  test.layers[layer].layer.source = activations + static_cast<int32_t>(layer) + random.between(0, 1);
  return {"a source that is not computed yet", Verdict::refuse};
}

Break break_matrix(Random& random, TestLayer& own) {
  static const char* const names[] = {"indptr", "indices", "shorter indices", "data of another length"};
  const int which = random.between(0, 3);
  switch (which) {
    case 0:
      break_indptr(random, own);
      break;
    case 1:
      break_indices(random, own);
      break;
    case 2:
      shorten_indices(random, own);
      break;
    default:
      resize_data(random, own);
      break;
  }
  return {names[which], Verdict::any};
}

}  // namespace

bool matrices_are_valid(const TestChain& test) {
  for (const TestLayer& own : test.layers) {
    if (own.layer.kind != lth::LayerKind::convolution) continue;
    if (!indptr_is_valid(own)) return false;
    const bool absolute = own.layer.weights.index_type == lth::IndexType::absolute16;
    if (!(absolute ? columns_are_valid(own) : gaps_are_valid(own))) return false;
  }
  return true;
}

Break break_somewhere(Random& random, TestChain& test) {
  TestLayer* convolution = some_convolution(random, test);
  if (convolution && random.chance(0.5)) {
    Break result = break_matrix(random, *convolution);
    if (!matrices_are_valid(test)) result.verdict = Verdict::refuse;
    return result;
  }
  TestLayer& own = test.layers[random.bits() % test.layers.size()];
  if (random.chance(0.4)) return break_layer(random, own);
  if (random.chance(0.5) && !test.linear) return break_window(random, own.layer.window);
  return break_values(random, test);
}

}  // namespace lth_test
