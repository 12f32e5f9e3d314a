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
