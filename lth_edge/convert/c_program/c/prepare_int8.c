/* Pre-processing: out = (in * unit - offset) * multiplier / 2^shift, channel by channel. */
typedef struct {
  const int32_t* offsets;
  const int32_t* multipliers;
  const uint8_t* shifts;
  int32_t unit;
  uint32_t channels;
  uint32_t positions;
  uint32_t channel_step; /* from one channel to the next in the raw input */
  uint32_t position_step;
} prepare_t;

static void prepare(const prepare_t* layer, const input_t* in, int8_t* out) {
  for (size_t channel = 0; channel < layer->channels; channel++) {
    for (size_t position = 0; position < layer->positions; position++) {
      const int32_t raw = in[channel * layer->channel_step + position * layer->position_step];
      const int32_t centred = raw * layer->unit - layer->offsets[channel];
      *out++ = clip(rescale(centred, layer->multipliers[channel], layer->shifts[channel]), -127, 127);
    }
  }
}
