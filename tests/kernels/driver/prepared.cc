#include "prepared.h"

namespace lth_test {

namespace {

constexpr int64_t most_elements = 1 << 24;

}  // namespace

Prepared::Prepared(const char* set, TestHost& host, const lth::Chain& chain, const lth::Extent* expected)
    : host_(host) {
  lth::Message message;
  program_ = lth::create_with(set, &host, chain, expected, nullptr, message);
  if (!program_) error_ = message.empty() ? "refused without a reason" : message.text();
}

Prepared::~Prepared() {
  if (program_) lth::destroy(&host_, program_);
}

Run::Run(const lth::Program* program, const TestChain& test, const std::vector<lth::Extent>& extents,
         const std::vector<std::vector<float>>& activations, Guard guard)
    : program_(program), batch_(test.batch), extents_(extents), output_extents_(test.outputs.size()) {
  lth::Message message;
  if (!lth::output_extents(program, extents_.data(), output_extents_.data(), message)) {
    error_ = message.empty() ? "refused without a reason" : message.text();
    return;
  }
  for (const std::vector<float>& numbers : activations) {
    activations_.push_back(
        std::make_unique<Buffer>(numbers.data(), numbers.size() * sizeof(float), alignof(float), guard));
  }
  for (const lth::Extent& extent : output_extents_) {
    if (elements(extent) > most_elements) error_ = "larger than a test wants";
    if (!error_.empty()) return;
    const size_t count = static_cast<size_t>(batch_ * elements(extent));
    outputs_.push_back(std::make_unique<Buffer>(count * sizeof(float), alignof(float), guard));
  }
}

bool Run::start(lth::Host* host) {
  if (!error_.empty()) return false;
  std::vector<const float*> from;
  std::vector<float*> to;
  for (const auto& buffer : activations_) from.push_back(buffer->as<const float>());
  for (const auto& buffer : outputs_) to.push_back(buffer->as<float>());
  lth::Message message;
  if (lth::run(program_, host, batch_, extents_.data(), from.data(), to.data(), message)) return true;
  error_ = message.empty() ? "failed without a reason" : message.text();
  return false;
}

}  // namespace lth_test
