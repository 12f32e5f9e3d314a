// Packed rows times a vector, four nonzeros at a time.
#pragma once

#include "../layers/csr.h"
#include "../plan/vector_plan.h"
#include "copy.h"

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace lth::LTH_SET {

using Four = Vector<4>;

LTH_INLINE Four read_four(const float* data) { return load<4>(data); }

LTH_INLINE Four read_four(const int8_t* data) {
#if defined(__AVX2__)
  int32_t four;
  __builtin_memcpy(&four, data, sizeof four);
  return reinterpret_cast<Four>(_mm_cvtepi32_ps(_mm_cvtepi8_epi32(_mm_cvtsi32_si128(four))));
#else
  return Four{static_cast<float>(data[0]), static_cast<float>(data[1]), static_cast<float>(data[2]),
              static_cast<float>(data[3])};
#endif
}

LTH_INLINE Four read_four(const uint16_t* data) {
#if defined(__AVX2__)
  return reinterpret_cast<Four>(_mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(data))));
#elif defined(__aarch64__)
  return reinterpret_cast<Four>(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(data))));
#else
  return Four{half_to_float(data[0]), half_to_float(data[1]), half_to_float(data[2]), half_to_float(data[3])};
#endif
}

// Indices are loaded in pairs: with one load each, loads would be what the loop waits for.
LTH_INLINE uint32_t read_pair(const uint16_t* at) {
  uint32_t pair;
  __builtin_memcpy(&pair, at, sizeof pair);
  __asm__("" : "+r"(pair));  // or compilers turn it into two loads again
  return pair;
}

// Of a little-endian pair, as all our targets are.
LTH_INLINE Four read_four(const float* x, const uint16_t* at) {
  const uint32_t a = read_pair(at), b = read_pair(at + 2);
  return Four{x[a & 0xffff], x[a >> 16], x[b & 0xffff], x[b >> 16]};
}

// A vector with zeros behind each block of its columns.
static void spread_rows(const VectorPlan& plan, const float* x, float* to) {
  for (int32_t block = 0; block < plan.packed.blocks; ++block) {
    const int32_t begin = block * row_block_columns;
    const int32_t count = plan.columns - begin < row_block_columns ? plan.columns - begin : row_block_columns;
    copy(to, x + begin, count);
    zero(to + count, read_together);
    to += count + read_together;
  }
}

// The sums of units first .. last; x is what `spread_rows` made.
template <class Value>
static void multiply_rows(const VectorPlan& plan, const float* x, float* sums, int32_t first, int32_t last) {
  const PackedRows& packed = plan.packed;
  const int32_t begin = first * unit_rows, end = plan.rows < last * unit_rows ? plan.rows : last * unit_rows;
  for (int32_t row = begin; row < end; ++row) {
    Four even = {}, odd = {};
    for (int32_t block = 0; block < packed.blocks; ++block) {
      const int32_t* starts = packed.starts + static_cast<int64_t>(row) * packed.blocks + block;
      const float* here = x + static_cast<int64_t>(block) * (row_block_columns + read_together);
      const uint16_t* index = packed.indices + starts[0];
      const uint16_t* const stop = packed.indices + starts[1];
      const Value* value = static_cast<const Value*>(packed.values) + starts[0];
      for (; stop - index >= 8; index += 8, value += 8) {
        even += read_four(value) * read_four(here, index);
        odd += read_four(value + 4) * read_four(here, index + 4);
      }
      if (index < stop) even += read_four(value) * read_four(here, index);
    }
    even += odd;
    sums[row] = (even[0] + even[1]) + (even[2] + even[3]);
  }
}

}  // namespace lth::LTH_SET
