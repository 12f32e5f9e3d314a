/* Clips a tensor; out may be in. */
typedef struct {
  uint32_t size;
  float low;
  float high;
} bound_t;

static void bound(const bound_t* layer, const float* in, float* out) {
  for (size_t i = 0; i < layer->size; i++) {
    out[i] = in[i] < layer->low ? layer->low : (in[i] > layer->high ? layer->high : in[i]);
  }
}
