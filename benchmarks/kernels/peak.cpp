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
