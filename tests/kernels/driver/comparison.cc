#include "comparison.h"

#include <cmath>
#include <sstream>

namespace lth_test {

namespace {

bool agree(double expected, double result, double allowed) {
  if (std::isinf(allowed)) return true;
  if (std::isnan(expected)) return std::isnan(result);
  if (std::isinf(expected)) return expected == result;
  return std::fabs(result - expected) <= allowed;
}

}  // namespace

std::string difference(const ReferenceValue& expected, const float* result) {
  for (size_t i = 0; i < expected.value.size(); ++i) {
    if (agree(expected.value[i], result[i], expected.error[i])) continue;
    std::ostringstream out;
    out.precision(9);
    out << "element " << i << " of " << expected.value.size() << " is " << result[i] << ", not " << expected.value[i]
        << " +- " << expected.error[i];
    return out.str();
  }
  return "";
}

}  // namespace lth_test
