// Compiled once for each instruction set, with LTH_SET the set's name and the compiler told to use it.
#include "set.h"

#include "convolve.h"
#include "depthwise.h"
#include "multiply_tokens.h"
#include "multiply_vector.h"
#include "pool.h"

#define LTH_TEXT_OF(name) #name
#define LTH_TEXT(name) LTH_TEXT_OF(name)

namespace lth::LTH_SET {

#if defined(__AVX512F__)
constexpr int l1_bytes = 48 * 1024;
#else
constexpr int l1_bytes = 32 * 1024;
#endif

static constexpr InstructionSet make_set(const char* name, int gather_cycles) {
  return {
      name,
      {native_lanes, most_vectors, l1_bytes, LTH_MASKS != 0, LTH_FAST_MASKED_STORES != 0, gather_cycles},
      convolve,
      pack_tile,
      depthwise,
      max_pool,
      halve_whole_rows,
      average,
      spread,
      multiply_vector,
      finish_vector,
      gather_tokens,
      multiply_tokens,
      scatter_tokens,
  };
}

#if defined(__AVX512F__)
const InstructionSet instruction_set = make_set(LTH_TEXT(LTH_SET), 40);
const InstructionSet with_fast_gathers = make_set(LTH_TEXT(LTH_SET) "_gather", 10);
#else
const InstructionSet instruction_set = make_set(LTH_TEXT(LTH_SET), 0);
#endif

}  // namespace lth::LTH_SET
