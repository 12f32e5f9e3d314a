// Slices times a vector: sixteen rows at once, by AVX-512's lookups in registers and in memory.
#pragma once

#include <immintrin.h>

#include "../plan/vector_plan.h"
#include "activation.h"

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
static void spread_blocks(const VectorPlan& plan, const float* from, float* to) {
  int32_t left = plan.columns;
  for (; left > 0; left -= slice_block_columns, from += slice_block_columns, to += slice_block_pitch) {
    const uint32_t lanes = (1u << (left < slice_block_columns ? left : slice_block_columns)) - 1;
    _mm512_storeu_ps(to, _mm512_maskz_loadu_ps(static_cast<__mmask16>(lanes), from));
    _mm512_storeu_ps(to + 16, _mm512_maskz_loadu_ps(static_cast<__mmask16>(lanes >> 16), from + 16));
  }
}

// The nonzeros of a slice that are looked up in registers.
template <int slots, class Value>
static Lanes multiply_slots(const Slices& slices, int32_t slice, const float* x) {
  const int64_t line = static_cast<int64_t>(slice) * slices.blocks;
  const uint32_t* places = slices.columns + line * slice_lanes;
  const Value* values = static_cast<const Value*>(slices.values) + line * slots * slice_lanes;
  Lanes sums[slots] = {};
  for (int32_t block = 0; block < slices.blocks; ++block) {
    const __m512i columns = _mm512_loadu_si512(places);
    const __m512 low = _mm512_loadu_ps(x), high = _mm512_loadu_ps(x + 16);
    LTH_UNROLL
    for (int slot = 0; slot < slots; ++slot) {  // the lookup ignores all bits but the lowest five
      const __m512 found = _mm512_permutex2var_ps(low, _mm512_srli_epi32(columns, 5 * slot), high);
      sums[slot] += reinterpret_cast<Lanes>(found) * read_lanes(values + slot * slice_lanes);
    }
    x += slice_block_pitch;
    places += slice_lanes;
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

// Scale, bias, residual and activation, and each row to its place.
template <bool scaled>
static void finish_slice(const VectorPlan& plan, int32_t slice, const float* residual, float* out, Lanes sum) {
  const int32_t left = plan.rows - slice * slice_lanes;
  const __mmask16 lanes = static_cast<__mmask16>(left < slice_lanes ? (1u << left) - 1 : 0xffff);
  const __m512i rows = _mm512_maskz_loadu_epi32(lanes, plan.slices.order.rows + slice * slice_lanes);
  const auto of_rows = [&](const float* from) {
    return reinterpret_cast<Lanes>(_mm512_mask_i32gather_ps(_mm512_setzero_ps(), lanes, rows, from, sizeof(float)));
  };
  if (scaled) sum *= of_rows(plan.scale);
  if (plan.bias != nullptr) sum += of_rows(plan.bias);
  if (residual != nullptr) sum += of_rows(residual);
  const Lanes result = activated<slice_lanes>(sum, plan.activation);
  _mm512_mask_i32scatter_ps(out, lanes, rows, reinterpret_cast<__m512>(result), sizeof(float));
}

// Slices begin .. end; x is the vector as it is, spread as `spread_blocks` left it.
template <int slots, class Value>
static void multiply_slices(const VectorPlan& plan, const float* x, const float* spread, const float* residual,
                            float* out, int32_t begin, int32_t end) {
  const Slices& slices = plan.slices;
  for (int32_t slice = begin; slice < end; ++slice) {
    Lanes sum = {};
    if constexpr (slots > 0) sum = multiply_slots<slots, Value>(slices, slice, spread);
    sum = slices.wide_gaps ? add_steps<uint16_t, Value>(slices, slice, x, sum)
                           : add_steps<uint8_t, Value>(slices, slice, x, sum);
    finish_slice<sizeof(Value) == 1>(plan, slice, residual, out, sum);
  }
}

template <class Value>
static void multiply_slices(const VectorPlan& plan, const float* x, const float* spread, const float* residual,
                            float* out, int32_t begin, int32_t end) {
  using Multiply = void (*)(const VectorPlan&, const float*, const float*, const float*, float*, int32_t, int32_t);
  static constexpr Multiply by_slots[most_slots + 1] = {
      multiply_slices<0, Value>, multiply_slices<1, Value>, multiply_slices<2, Value>, multiply_slices<3, Value>,
      multiply_slices<4, Value>, multiply_slices<5, Value>, multiply_slices<6, Value>};
  by_slots[plan.slices.slots](plan, x, spread, residual, out, begin, end);
}

}  // namespace lth::LTH_SET
