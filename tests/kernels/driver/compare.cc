#include <thread>

#include "comparison.h"
#include "geometry.h"
#include "guarded_chain.h"
#include "prepared.h"
#include "trial.h"

namespace lth_test {

namespace {

std::string compare_outputs(const TestChain& test, const Run& run, const std::vector<ReferenceValue>& values) {
  for (size_t i = 0; i < test.outputs.size(); ++i) {
    const ReferenceValue& expected = values[static_cast<size_t>(test.outputs[i])];
    const lth::Extent& extent = run.output_extents()[i];
    const std::string name = "output " + std::to_string(i) + ": ";
    if (!same(extent, expected.extent)) return name + "its extent is not the reference's";
    const std::string found = difference(expected, run.output(i));
    if (!found.empty()) return name + found;
  }
  return "";
}

// Runs one program from several threads at once, each with buffers of its own, and compares every outcome.
std::string run_and_compare(const TestChain& test, const std::vector<lth::Extent>& extents,
                            const std::vector<std::vector<float>>& activations, const lth::Program* program,
                            TestHost& host, const Setting& setting) {
  const std::vector<ReferenceValue> values = reference(view(test).chain, test.batch, extents.data(), activations);
  std::vector<std::string> found(static_cast<size_t>(setting.callers));
  const auto call = [&](size_t i) {
    Run run(program, test, extents, activations, setting.guard);
    found[i] = run.start(&host) ? compare_outputs(test, run, values) : "run: " + run.error();
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < found.size(); ++i) threads.emplace_back(call, i);
  call(0);
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : found) {
    if (!text.empty()) return text;
  }
  return "";
}

// Repeats the activations of the run until they fill the extents that the chain expects.
std::vector<std::vector<float>> stretched(const TestChain& test) {
  std::vector<std::vector<float>> result;
  for (size_t i = 0; i < test.expected.size(); ++i) {
    std::vector<float> numbers(static_cast<size_t>(test.batch * elements(test.expected[i])));
    for (size_t j = 0; j < numbers.size(); ++j) numbers[j] = test.activations[i][j % test.activations[i].size()];
    result.push_back(std::move(numbers));
  }
  return result;
}

std::string run_both_ways(const TestChain& test, const lth::Program* program, TestHost& host, const Setting& setting) {
  std::string found = run_and_compare(test, test.extents, test.activations, program, host, setting);
  if (!found.empty()) return found;
  if (!value_extents(view(test).chain, test.expected.data()).empty()) {
    found = run_and_compare(test, test.expected, stretched(test), program, host, setting);
  }
  return found.empty() ? found : "on the extents that were expected: " + found;
}

}  // namespace

std::string compare(const TestChain& test, const Setting& setting) {
  TestHost host(setting.guard, setting.schedule);
  std::string found;
  {
    GuardedChain constants(test, setting.guard);
    lth::Message message;
    if (!lth::check(constants.chain(), message)) return std::string("check refuses a good chain: ") + message.text();
    const Prepared prepared(setting.set, host, constants.chain(), test.expected.data());
    if (!prepared.program()) return "create: " + prepared.error();
    constants.free_arrays();
    found = run_both_ways(test, prepared.program(), host, setting);
  }
  if (found.empty() && host.alive() != 0) return "memory of the host is left behind";
  return found;
}

}  // namespace lth_test
