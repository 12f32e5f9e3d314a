/* The sum of two tensors, each with a scale of its own, clipped; out may be one of them. */
typedef struct {
  uint32_t size;
  int32_t first;  /* multiplier */
  int32_t second; /* multiplier */
  uint8_t shift;
  int8_t low;
  int8_t high;
} add_t;

static void add(const add_t* layer, const int8_t* first, const int8_t* second, int8_t* out) {
  const int64_t half = (int64_t)1 << (layer->shift - 1);
  for (size_t i = 0; i < layer->size; i++) {
    const int64_t sum = (int64_t)first[i] * layer->first + (int64_t)second[i] * layer->second;
    out[i] = clip((sum + half) >> layer->shift, layer->low, layer->high);
  }
}
