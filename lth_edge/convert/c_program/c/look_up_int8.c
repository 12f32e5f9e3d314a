/* A function of each number from its table of 256; out may be in. */
static void look_up(const int8_t* table, uint32_t size, const int8_t* in, int8_t* out) {
  for (size_t i = 0; i < size; i++) {
    out[i] = table[in[i] + 128];
  }
}
