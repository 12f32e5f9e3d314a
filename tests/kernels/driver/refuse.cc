#include "geometry.h"
#include "guarded_chain.h"
#include "hostile.h"
#include "prepared.h"
#include "trial.h"

namespace lth_test {

namespace {

constexpr int breaks_a_chain = 8;

// A chain that the check lets through must be one that runs, or fails with a reason.
std::string run_accepted(const TestChain& test, const GuardedChain& constants, TestHost& host, const Setting& setting) {
  const Prepared prepared(setting.set, host, constants.chain(), test.expected.data());
  if (!prepared.program()) return prepared.error() == "refused without a reason" ? prepared.error() : "";
  Run run(prepared.program(), test, test.extents, test.activations, setting.guard);
  const bool fits = run.error().empty();
  if (fits && value_extents(constants.chain(), test.extents.data()).empty()) {
    return "output_extents accepts what does not fit together";
  }
  if (fits) run.start(&host);
  const bool silent = run.error() == "refused without a reason" || run.error() == "failed without a reason";
  return silent ? run.error() : "";
}

std::string refuse_one(const TestChain& test, const Break& broken, const Setting& setting) {
  const GuardedChain constants(test, setting.guard);
  lth::Message message;
  if (!lth::check(constants.chain(), message)) return message.empty() ? "check refuses without a reason" : "";
  if (broken.verdict == Verdict::refuse) return "check accepts what the rules forbid";
  TestHost host(setting.guard, setting.schedule);
  const std::string found = run_accepted(test, constants, host, setting);
  return found.empty() && host.alive() != 0 ? "memory of the host is left behind" : found;
}

}  // namespace

std::string refuse_broken(const TestChain& test, uint64_t seed, const Setting& setting) {
  Random random(~seed);
  for (int i = 0; i < breaks_a_chain; ++i) {
    TestChain copy = test;
    const Break broken = break_somewhere(random, copy);
    const std::string found = refuse_one(copy, broken, setting);
    const std::string what = "broken " + broken.what + " (number " + std::to_string(i) + "): ";
    if (!found.empty()) return what + found + "\n" + describe(copy);
  }
  return "";
}

}  // namespace lth_test
