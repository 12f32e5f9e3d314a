#include "guarded_chain.h"
#include "prepared.h"
#include "trial.h"

namespace lth_test {

namespace {

// Creates and runs with `count` allocations. Sets `done` where they were enough.
std::string starve_after(int64_t count, const TestChain& test, const GuardedChain& constants, const Setting& setting,
                         bool& done) {
  TestHost host(setting.guard, setting.schedule);
  host.starve_after(count);
  {
    const Prepared prepared(setting.set, host, constants.chain(), test.expected.data());
    if (prepared.program()) {
      Run run(prepared.program(), test, test.extents, test.activations, setting.guard);
      done = run.start(&host);
      if (run.error() == "failed without a reason") return run.error();
    }
    if (prepared.error() == "refused without a reason") return prepared.error();
  }
  if (done && host.allocations() > count) return "an allocation failed, and nobody said so";
  return host.alive() == 0 ? "" : "memory of the host is left behind";
}

}  // namespace

std::string starve(const TestChain& test, const Setting& setting) {
  const GuardedChain constants(test, setting.guard);
  bool done = false;
  for (int64_t count = 0; !done; ++count) {
    const std::string found = starve_after(count, test, constants, setting, done);
    if (!found.empty()) return "after " + std::to_string(count) + " allocations: " + found;
    if (count > 10000) return "it never ends";
  }
  return "";
}

}  // namespace lth_test
