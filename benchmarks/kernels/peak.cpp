// The most fused multiply-adds that one core does: independent accumulators in registers, nothing read from memory.
// 12 of them cover a latency of 4 or 5 cycles on 2 units, and fit the 16 registers of AVX2.

#if defined(__AVX512F__)
constexpr int bytes = 64;
#elif defined(__AVX__)
constexpr int bytes = 32;
#else
constexpr int bytes = 16;
#endif

constexpr int accumulators = 12;
typedef float Vector __attribute__((vector_size(bytes)));

// Floating-point operations that `multiply_add(rounds)` does.
extern "C" double operations(long rounds) {
  return 2.0 * accumulators * (bytes / sizeof(float)) * static_cast<double>(rounds);
}

extern "C" float multiply_add(long rounds) {
  Vector sums[accumulators], factor, summand;
  for (unsigned lane = 0; lane < bytes / sizeof(float); ++lane) factor[lane] = 0.5f, summand[lane] = 1.0f;
  for (int i = 0; i < accumulators; ++i) sums[i] = summand * static_cast<float>(i);
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < accumulators; ++i) sums[i] = sums[i] * factor + summand;
  }
  Vector total = sums[0];
  for (int i = 1; i < accumulators; ++i) total += sums[i];
  float sum = 0;
  for (unsigned lane = 0; lane < bytes / sizeof(float); ++lane) sum += total[lane];
  return sum;
}

// Likewise with one operand from memory, as a product with a sparse weight has it: aligned, 12 vectors in a row from
// places that step through `vectors` of them.
extern "C" float multiply_add_from_memory(long rounds, const float* memory, long vectors) {
  Vector sums[accumulators] = {}, factor;
  for (unsigned lane = 0; lane < bytes / sizeof(float); ++lane) factor[lane] = 0.5f;
  const Vector* from = reinterpret_cast<const Vector*>(memory);
  long place = 0;
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < accumulators; ++i) sums[i] += factor * from[place + i];
    place += 5 * accumulators + 1;  // not the order in which a prefetcher would expect it
    if (place > vectors - accumulators) place -= vectors - accumulators;
  }
  Vector total = sums[0];
  for (int i = 1; i < accumulators; ++i) total += sums[i];
  float sum = 0;
  for (unsigned lane = 0; lane < bytes / sizeof(float); ++lane) sum += total[lane];
  return sum;
}

// As many sums as registers hold, and nothing but the order of the loads for a core to find out: the fastest that
// multiply-adds with an operand from memory were seen to run.
constexpr int most_accumulators = bytes == 64 ? 16 : 12;
constexpr int near_vectors = 4 * most_accumulators;

extern "C" double operations_from_nearest(long rounds) {
  return 2.0 * most_accumulators * (bytes / sizeof(float)) * static_cast<double>(rounds);
}

extern "C" float multiply_add_from_nearest(long rounds) {
  alignas(bytes) static Vector memory[near_vectors];
  Vector sums[most_accumulators] = {}, factor;
  for (unsigned lane = 0; lane < bytes / sizeof(float); ++lane) factor[lane] = 0.5f;
  const Vector* from = memory;
  for (long round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < most_accumulators; ++i) sums[i] += factor * from[i];
    from = from == memory + near_vectors - most_accumulators ? memory : from + most_accumulators;
  }
  Vector total = sums[0];
  for (int i = 1; i < most_accumulators; ++i) total += sums[i];
  float sum = 0;
  for (unsigned lane = 0; lane < bytes / sizeof(float); ++lane) sum += total[lane];
  return sum;
}

// The inner loop of a sparse kernel: nonzeros with their places, each times some vectors of a near slab. Few sums would
// wait for each other; there are then several sets of them, as the kernels have it.
constexpr int row = 64, slab_vectors = 128;

template <int vectors>
static void multiply_row(const float* weights, const unsigned short* places, const Vector* slab, Vector* out) {
  constexpr int sets = vectors <= 2 ? 4 : vectors <= 5 ? 2 : 1;
  Vector sums[sets][vectors] = {};
  for (int i = 0; i < row; i += sets) {
#pragma GCC unroll 4
    for (int set = 0; set < sets; ++set) {
      const Vector weight = weights[i + set] - Vector{};
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) sums[set][v] += weight * slab[places[i + set] + v];
    }
  }
  for (int set = 1; set < sets; ++set)
    for (int v = 0; v < vectors; ++v) sums[0][v] += sums[set][v];
  for (int v = 0; v < vectors; ++v) out[v] += sums[0][v];
}

template <int vectors>
static double multiply_rows(long nonzeros) {
  alignas(bytes) static Vector slab[slab_vectors], out[vectors];
  float weights[row];
  unsigned short places[row];
  for (int i = 0; i < row; ++i)
    weights[i] = 0.5f, places[i] = static_cast<unsigned short>(37 * i % (slab_vectors - 16));
  for (long done = 0; done < nonzeros; done += row) {
    __asm__ volatile("" : : "r"(weights), "r"(places) : "memory");
    multiply_row<vectors>(weights, places, slab, out);
  }
  return out[0][0];
}

// For as many vectors as 1, 2, 4, 8, 12 or 16.
extern "C" double multiply_add_nonzeros(long nonzeros, int vectors) {
  switch (vectors) {
    case 1:
      return multiply_rows<1>(nonzeros);
    case 2:
      return multiply_rows<2>(nonzeros);
    case 4:
      return multiply_rows<4>(nonzeros);
    case 8:
      return multiply_rows<8>(nonzeros);
    case 12:
      return multiply_rows<12>(nonzeros);
    default:
      return multiply_rows<16>(nonzeros);
  }
}
