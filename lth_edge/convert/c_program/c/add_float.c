/* The sum of two tensors, clipped; out may be one of them. */
typedef struct {
  uint32_t size;
  float low;
  float high;
} add_t;

static void add(const add_t* layer, const float* first, const float* second, float* out) {
  for (size_t i = 0; i < layer->size; i++) {
    const float y = first[i] + second[i];
    out[i] = y < layer->low ? layer->low : (y > layer->high ? layer->high : y);
  }
}
