#include "choose.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#define LTH_X86 1
#endif

namespace lth {
namespace {

#if LTH_X86
// Registers whose contents the operating system keeps when it switches threads.
uint32_t kept_registers() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

bool all(uint32_t bits, uint32_t wanted) { return (bits & wanted) == wanted; }

// What x86-64-v3 adds, as far as compilers use it: AVX2, FMA, F16C, BMI 1 and 2, LZCNT, MOVBE.
bool has_avx2() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !all(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C | bit_MOVBE)) return false;
  if (!all(kept_registers(), 0x6)) return false;  // of SSE and AVX
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !all(b, bit_AVX2 | bit_BMI | bit_BMI2)) return false;
  return __get_cpuid(0x80000001, &a, &b, &c, &d) && all(c, bit_ABM);
}

// What x86-64-v4 adds: AVX-512 F, BW, CD, DQ, VL.
bool has_avx512() {
  uint32_t a, b, c, d;
  if (!has_avx2() || !all(kept_registers(), 0xe6)) return false;  // and of AVX-512
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
         all(b, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL);
}

// Where gathers take about as long as the loads that they stand for: AVX512-FP16 came with the cores that need no slow
// mitigation of them (Intel's of 2023); of the others with AVX-512 some have it, and some break gathers up.
bool has_fast_gathers() {
  uint32_t a, b, c, d;
  constexpr uint32_t float16 = 1u << 23;
  return has_avx512() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && all(d, float16);
}
#endif

bool equal(const char* a, const char* b) {
  for (; *a == *b; ++a, ++b)
    if (*a == 0) return true;
  return false;
}

}  // namespace

const InstructionSet& best_set() {
#if LTH_X86
#if !defined(LTH_WITHOUT_AVX512)  // a build that is compared with the product's
  if (has_fast_gathers()) return avx512::with_fast_gathers;
  if (has_avx512()) return avx512::instruction_set;
#endif
  if (has_avx2()) return avx2::instruction_set;
#endif
  return baseline::instruction_set;
}

const InstructionSet* named_set(const char* name) {
#if LTH_X86
  if (equal(name, avx512::with_fast_gathers.name)) return has_fast_gathers() ? &avx512::with_fast_gathers : nullptr;
  if (equal(name, avx512::instruction_set.name)) return has_avx512() ? &avx512::instruction_set : nullptr;
  if (equal(name, avx2::instruction_set.name)) return has_avx2() ? &avx2::instruction_set : nullptr;
#endif
  return equal(name, baseline::instruction_set.name) ? &baseline::instruction_set : nullptr;
}

}  // namespace lth
