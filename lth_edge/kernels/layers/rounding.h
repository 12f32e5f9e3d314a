// Whole numbers rounded up.
#pragma once

#include <stdint.h>

namespace lth {

constexpr int64_t quotient_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

constexpr int64_t round_up(int64_t value, int64_t step) { return quotient_up(value, step) * step; }

}  // namespace lth
