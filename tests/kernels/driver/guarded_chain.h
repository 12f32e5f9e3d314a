// A chain whose constants lie in guarded memory, as a runtime would hand them over.
#pragma once

#include <memory>
#include <vector>

#include "guard.h"
#include "test_chain.h"

namespace lth_test {

class GuardedChain {
 public:
  GuardedChain(const TestChain& test, Guard guard) : guard_(guard), view_(lth_test::view(test)) {
    for (size_t i = 0; i < test.layers.size(); ++i) guard_layer(test.layers[i], view_.layers[i]);
    view_.chain.outputs = copied(test.outputs);
  }

  // Frees the arrays of the chain, which a program may not need once it is made; the constants stay.
  void free_arrays() {
    view_.layers = std::vector<lth::Layer>();
    buffers_.pop_back();  // the outputs
  }

  const lth::Chain& chain() const { return view_.chain; }

 private:
  template <typename T>
  const T* copied(const std::vector<T>& content) {
    const size_t alignment = guard_ == Guard::none ? alignof(std::max_align_t) : alignof(T);
    buffers_.push_back(std::make_unique<Buffer>(content.data(), content.size() * sizeof(T), alignment, guard_));
    return buffers_.back()->template as<const T>();
  }

  void guard_layer(const TestLayer& own, lth::Layer& layer) {
    lth::Csr& csr = layer.weights;
    csr.indptr = copied(own.indptr);
    csr.indices = copied(own.indices);
    csr.data = copied(own.data);
    csr.scale = own.scale.empty() ? nullptr : copied(own.scale);
    layer.bias = own.bias.empty() ? nullptr : copied(own.bias);
  }

  const Guard guard_;
  ChainView view_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

}  // namespace lth_test
