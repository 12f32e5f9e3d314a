// driver SEED COUNT [--set NAME] [--guards] [--threads N]
// The kernels against the reference, on chains of layers drawn from COUNT seeds.
// --set       one of the instruction sets of this CPU, which `driver --sets` lists; without it all of them in turn
// --guards    every buffer ends, then begins, at a page that may not be touched
// --threads   N callers of one program at once, and a parallel_for of two threads
// Prints the seed and the chain of the first failure, and exits 1.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "cpu/choose.h"
#include "random_chain.h"
#include "trial.h"

namespace lth_test {

namespace {

constexpr const char* all_sets[] = {"baseline", "avx2", "avx512", "avx512_gather"};

struct Options {
  uint64_t seed = 0, count = 1;
  const char* set = nullptr;
  bool guards = false;
  int threads = 1;
};

// What a crash says: the seed at hand. Plain memory, as a signal finds it.
char at_hand[256] = "no seed yet";

void on_crash(int signal) {
  const char words[] = "crashed at ";
  (void)!write(STDOUT_FILENO, words, sizeof words - 1);
  (void)!write(STDOUT_FILENO, at_hand, std::strlen(at_hand));
  (void)!write(STDOUT_FILENO, "\n", 1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

const char* name(Guard guard) { return guard == Guard::none ? "none" : guard == Guard::end ? "end" : "begin"; }

bool passes(const std::string& found, const char* trial, const TestChain* test) {
  if (found.empty()) return true;
  std::printf("FAILED %s, %s: %s\n", at_hand, trial, found.c_str());
  if (test) std::printf("%s\n", describe(*test).c_str());
  return false;
}

bool passes_seed(uint64_t seed, const Setting& setting) {
  const TestChain test = random_chain(seed, Numbers::finite);
  if (!passes(compare(test, setting), "finite numbers", &test)) return false;
  if (seed % 3 == 0) {
    const TestChain special = random_chain(seed, Numbers::special);
    if (!passes(compare(special, setting), "NaN and infinities", &special)) return false;
  }
  if (setting.callers > 1) return true;
  if (!passes(refuse_broken(test, seed, setting), "broken chains", nullptr)) return false;
  return seed % 5 != 0 || passes(starve(test, setting), "memory that runs out", &test);
}

bool passes_all(const Options& options, const char* set, Guard guard) {
  Setting setting = {set, guard, {false, options.threads > 1 ? 2 : 1}, options.threads};
  std::snprintf(at_hand, sizeof at_hand, "limits, set %s, guard %s", set, name(guard));
  if (!passes(keep_limits(setting), "limits", nullptr)) return false;
  for (uint64_t i = 0; i < options.count; ++i) {
    const uint64_t seed = options.seed + i;
    std::snprintf(at_hand, sizeof at_hand, "seed %llu, set %s, guard %s", static_cast<unsigned long long>(seed), set,
                  name(guard));
    setting.schedule.backward = seed % 2 == 1;
    if (!passes_seed(seed, setting)) return false;
  }
  return true;
}

bool passes_set(const Options& options, const char* set) {
  if (!options.guards) return passes_all(options, set, Guard::none);
  return passes_all(options, set, Guard::end) && passes_all(options, set, Guard::begin);
}

int run(const Options& options) {
  int sets = 0;
  for (const char* set : all_sets) {
    if (!lth::named_set(set) || (options.set && std::strcmp(set, options.set) != 0)) continue;
    if (!passes_set(options, set)) return 1;
    std::printf("%s: %llu seeds pass\n", set, static_cast<unsigned long long>(options.count));
    ++sets;
  }
  if (sets == 0) std::printf("this CPU has no set %s\n", options.set);
  return sets == 0 ? 2 : 0;
}

int list_sets() {
  for (const char* set : all_sets) {
    if (lth::named_set(set)) std::printf("%s\n", set);
  }
  return 0;
}

}  // namespace

}  // namespace lth_test

int main(int argc, char** argv) {
  using namespace lth_test;
  if (argc == 2 && std::strcmp(argv[1], "--sets") == 0) return list_sets();
  if (argc < 3) {
    std::fprintf(stderr, "driver SEED COUNT [--set NAME] [--guards] [--threads N]\ndriver --sets\n");
    return 2;
  }
  Options options;
  options.seed = std::strtoull(argv[1], nullptr, 10);
  options.count = std::strtoull(argv[2], nullptr, 10);
  for (int i = 3; i < argc; ++i) {
    if (std::strcmp(argv[i], "--guards") == 0) options.guards = true;
    if (std::strcmp(argv[i], "--set") == 0 && i + 1 < argc) options.set = argv[++i];
    if (std::strcmp(argv[i], "--threads") == 0 && i + 1 < argc) options.threads = std::atoi(argv[++i]);
  }
  if (options.guards) {  // otherwise a sanitizer has more to say
    for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) std::signal(signal, on_crash);
  }
  return run(options);
}
