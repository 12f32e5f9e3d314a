/* x * min(max(x / 6 + 1/2, 0), 1), number by number; out may be in. */
static void hard_swish(uint32_t size, const float* in, float* out) {
  for (size_t i = 0; i < size; i++) {
    const float gate = in[i] / 6.0F + 0.5F;
    out[i] = in[i] * (gate < 0.0F ? 0.0F : (gate > 1.0F ? 1.0F : gate));
  }
}
