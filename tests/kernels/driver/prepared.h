// A program and one run of it, with guarded activations and outputs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "guard.h"
#include "test_chain.h"

namespace lth_test {

// A program of one instruction set; null, and why, where there is none.
class Prepared {
 public:
  Prepared(const char* set, TestHost& host, const lth::Chain& chain, const lth::Extent* expected);
  ~Prepared();
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  const lth::Program* program() const { return program_; }
  const std::string& error() const { return error_; }

 private:
  TestHost& host_;
  lth::Program* program_;
  std::string error_;
};

// Buffers of one call to run().
class Run {
 public:
  // `error()` is set where the program refuses the extents.
  Run(const lth::Program* program, const TestChain& test, const std::vector<lth::Extent>& extents,
      const std::vector<std::vector<float>>& activations, Guard guard);

  bool start(lth::Host* host);
  const std::string& error() const { return error_; }
  const std::vector<lth::Extent>& output_extents() const { return output_extents_; }
  const float* output(size_t i) const { return outputs_[i]->as<float>(); }

 private:
  const lth::Program* program_;
  const int64_t batch_;
  std::vector<lth::Extent> extents_, output_extents_;
  std::vector<std::unique_ptr<Buffer>> activations_, outputs_;
  std::string error_;
};

}  // namespace lth_test
