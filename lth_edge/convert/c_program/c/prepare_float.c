/* Pre-processing: out = (in - mean) * factor, channel by channel. */
typedef struct {
  const float* means;
  const float* factors;
  uint32_t channels;
  uint32_t positions;
  uint32_t channel_step; /* from one channel to the next in the raw input */
  uint32_t position_step;
} prepare_t;

static void prepare(const prepare_t* layer, const input_t* in, float* out) {
  for (size_t channel = 0; channel < layer->channels; channel++) {
    for (size_t position = 0; position < layer->positions; position++) {
      const float raw = (float)in[channel * layer->channel_step + position * layer->position_step];
      *out++ = (raw - layer->means[channel]) * layer->factors[channel];
    }
  }
}
