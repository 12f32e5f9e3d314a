// Slices times a vector: sixteen rows at once, by AVX-512's lookups in registers and in memory.
#pragma once

#include <immintrin.h>

#include "../plan/vector_plan.h"
#include "vector.h"

namespace lth::LTH_SET {

using Lanes = Vector<slice_lanes>;

// How far ahead of a step its data are asked for, in bytes.
constexpr int64_t ahead = 1024;

LTH_INLINE Lanes read_lanes(const float* values) { return load<slice_lanes>(values); }

LTH_INLINE Lanes read_lanes(const int8_t* values) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
  return reinterpret_cast<Lanes>(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));
}

LTH_INLINE Lanes read_lanes(const uint16_t* values) {
  return reinterpret_cast<Lanes>(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values))));
}

// The gaps of a step, and the lanes in which they lead to a column.
LTH_INLINE __m512i read_gaps(const uint8_t* gaps, __mmask16& leads) {
  const __m128i all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(gaps));
  leads = _mm_cmpneq_epi8_mask(all, _mm_set1_epi8(-1));
  return _mm512_cvtepu8_epi32(all);
}

LTH_INLINE __m512i read_gaps(const uint16_t* gaps, __mmask16& leads) {
  const __m256i all = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(gaps));
  leads = _mm256_cmpneq_epi16_mask(all, _mm256_set1_epi16(-1));
  return _mm512_cvtepu16_epi32(all);
}

// A vector in blocks, each with a zero behind it.
static void spread_blocks(const VectorPlan& plan, const float* x, float* to) {
  int32_t left = plan.columns;
  for (; left > 0; left -= slice_block_columns, x += slice_block_columns, to += slice_block_pitch) {
    const uint32_t lanes = (1u << (left < slice_block_columns ? left : slice_block_columns)) - 1;
    _mm512_storeu_ps(to, _mm512_maskz_loadu_ps(static_cast<__mmask16>(lanes), x));
    _mm512_storeu_ps(to + 16, _mm512_maskz_loadu_ps(static_cast<__mmask16>(lanes >> 16), x + 16));
  }
}

// The places of all slots of a block.
template <int slots>
LTH_INLINE __m512i read_places(const char* places) {
  if constexpr (slots > most_narrow_slots) return _mm512_loadu_si512(places);
  return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(places)));
}

// The nonzeros of a slice that are looked up in registers.
template <int slots, class Value>
static Lanes multiply_slots(const Slices& slices, int32_t slice, const float* x) {
  const int64_t line = static_cast<int64_t>(slice) * slices.blocks;
  const char* places = static_cast<const char*>(slices.places) + line * slice_lanes * place_bytes(slots);
  const Value* values = static_cast<const Value*>(slices.values) + line * slots * slice_lanes;
  Lanes sums[slots] = {};
  for (int32_t block = 0; block < slices.blocks; ++block) {
    const __m512i columns = read_places<slots>(places);
    const __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + 16);
    LTH_UNROLL
    for (int slot = 0; slot < slots; ++slot) {  // the lookup ignores all bits but the lowest five
      const __m512 found = _mm512_permutex2var_ps(low, _mm512_srli_epi32(columns, 5 * slot), high);
      sums[slot] += reinterpret_cast<Lanes>(found) * read_lanes(values + slot * slice_lanes);
    }
    x += slice_block_pitch;
    places += slice_lanes * place_bytes(slots);
    values += slots * slice_lanes;
  }
  LTH_UNROLL
  for (int slot = 1; slot < slots; ++slot) sums[0] += sums[slot];
  return sums[0];
}

// Those that are looked up in memory, added to `sum`.
template <class Gap, class Value>
static Lanes add_steps(const Slices& slices, int32_t slice, const float* x, Lanes sum) {
  const int64_t begin = slices.order.starts[slice], end = slices.order.starts[slice + 1];
  const Gap* gaps = static_cast<const Gap*>(slices.gaps) + begin * slice_lanes;
  const Value* values = static_cast<const Value*>(slices.step_values) + begin * slice_lanes;
  __m512i columns = _mm512_setzero_si512();
  for (int64_t step = begin; step < end; ++step) {
    __builtin_prefetch(reinterpret_cast<const char*>(gaps) + ahead);
    __builtin_prefetch(reinterpret_cast<const char*>(values) + ahead);
    __mmask16 leads;
    columns = _mm512_add_epi32(columns, read_gaps(gaps, leads));
    const __m512 found = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), leads, columns, x, sizeof(float));
    sum += reinterpret_cast<Lanes>(found) * read_lanes(values);
    gaps += slice_lanes;
    values += slice_lanes;
  }
  return sum;
}

// The sums of slices begin .. end, lane after lane; `spread` is what `spread_blocks` made of x.
template <int slots, class Value>
static void multiply_slices(const VectorPlan& plan, const float* x, const float* spread, float* sums, int32_t begin,
                            int32_t end) {
  const Slices& slices = plan.slices;
  for (int32_t slice = begin; slice < end; ++slice) {
    Lanes sum = {};
    if constexpr (slots > 0) sum = multiply_slots<slots, Value>(slices, slice, spread);
    sum = slices.wide_gaps ? add_steps<uint16_t, Value>(slices, slice, x, sum)
                           : add_steps<uint8_t, Value>(slices, slice, x, sum);
    store<slice_lanes>(sums + slice * slice_lanes, sum);
  }
}

template <class Value>
static void multiply_slices(const VectorPlan& plan, const float* x, const float* spread, float* sums, int32_t begin,
                            int32_t end) {
  using Multiply = void (*)(const VectorPlan&, const float*, const float*, float*, int32_t, int32_t);
  static constexpr Multiply by_slots[most_slots + 1] = {
      multiply_slices<0, Value>, multiply_slices<1, Value>, multiply_slices<2, Value>, multiply_slices<3, Value>,
      multiply_slices<4, Value>, multiply_slices<5, Value>, multiply_slices<6, Value>};
  by_slots[plan.slices.slots](plan, x, spread, sums, begin, end);
}

// The sums of sixteen rows.
LTH_INLINE Lanes sums_of_rows(const int32_t* lanes, const float* sums) {
  return reinterpret_cast<Lanes>(_mm512_i32gather_ps(_mm512_loadu_si512(lanes), sums, sizeof(float)));
}

}  // namespace lth::LTH_SET
