// What it takes to write cache lines, and to read and write them: what a kernel does with sums that leave its
// registers.

#if defined(__AVX512F__)
constexpr int bytes = 64;
#elif defined(__AVX__)
constexpr int bytes = 32;
#else
constexpr int bytes = 16;
#endif

typedef float Vector __attribute__((vector_size(bytes)));

// `rounds` times all of `vectors` vectors.
extern "C" void write_lines(long rounds, float* memory, long vectors) {
  Vector* const to = reinterpret_cast<Vector*>(memory);
  for (long round = 0; round < rounds; ++round)
    for (long i = 0; i < vectors; ++i) {
      to[i] = Vector{};
      __asm__ volatile("" ::: "memory");  // neither a call of memset nor left out
    }
}

extern "C" void add_to_lines(long rounds, float* memory, long vectors) {
  Vector* const to = reinterpret_cast<Vector*>(memory);
  for (long round = 0; round < rounds; ++round)
    for (long i = 0; i < vectors; ++i) {
      to[i] += Vector{};
      __asm__ volatile("" ::: "memory");
    }
}

extern "C" void read_lines(long rounds, const float* memory, long vectors) {
  const Vector* const from = reinterpret_cast<const Vector*>(memory);
  for (long round = 0; round < rounds; ++round)
    for (long i = 0; i < vectors; ++i) __asm__ volatile("" : : "x"(from[i]));
}

extern "C" long vector_bytes() { return bytes; }
