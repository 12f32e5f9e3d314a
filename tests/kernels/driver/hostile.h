// A chain broken in one place, as a damaged or malicious file would be.
#pragma once

#include <string>

#include "random.h"
#include "test_chain.h"

namespace lth_test {

enum class Verdict { refuse, any };

struct Break {
  std::string what;
  Verdict verdict;  // refuse: the rules of OPERATORS.md forbid it; any: it may be harmless, but nothing may crash
};

// Breaks `test` in place. Its buffers keep the sizes that its counts say.
Break break_somewhere(Random& random, TestChain& test);

// Does every matrix keep the rules of OPERATORS.md?
bool matrices_are_valid(const TestChain& test);

}  // namespace lth_test
