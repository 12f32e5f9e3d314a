/* The outputs first <= o < end whose input, o * stride + offset, lies within 0 <= input < size. */
typedef struct {
  int32_t first;
  int32_t end;
} range_t;

static range_t inside(int32_t offset, int32_t stride, int32_t size, int32_t outputs) {
  range_t range;
  range.first = offset < 0 ? (stride - 1 - offset) / stride : 0;
  range.end = size > offset ? (size - offset + stride - 1) / stride : 0;
  if (range.end > outputs) {
    range.end = outputs;
  }
  return range;
}

/* sums[position] += weight * what it meets there, for one weight of a window at every position. */
static void spread(const window_t* window, weight_t weight, int32_t row, int32_t column, const activation_t* plane,
                   sum_t* sums) {
  const int32_t down = row * window->dilation_height - window->top;
  const int32_t right = column * window->dilation_width - window->left;
  const range_t ys = inside(down, window->stride_height, window->height, window->out_height);
  const range_t xs = inside(right, window->stride_width, window->width, window->out_width);
  for (int32_t y = ys.first; y < ys.end; y++) {
    const activation_t* const line = plane + (y * window->stride_height + down) * window->width;
    for (int32_t x = xs.first; x < xs.end; x++) {
      sums[y * window->out_width + x] += (sum_t)weight * (sum_t)line[x * window->stride_width + right];
    }
  }
}

/* A convolution, one output channel after the other; each weight is decoded once and meets all its inputs.
 *
 * sums: room for one output channel.
 */
static void conv(const rows_t* layer, const window_t* window, uint32_t groups, const activation_t* in, sum_t* sums,
                 activation_t* out) {
  const size_t positions = (size_t)(window->out_height * window->out_width);
  const uint32_t taps = (uint32_t)(window->kernel_height * window->kernel_width);
  const size_t plane = (size_t)(window->height * window->width);
  const size_t channels = (size_t)window->channels / groups;
  const weight_t* weight = layer->weights;
  const uint8_t* gap = layer->gaps;
  for (size_t row = 0; row < layer->rows; row++) {
    const activation_t* const group = in + row / (layer->rows / groups) * channels * plane;
    const size_t stored = layer->counts != NULL ? layer->counts[row] : layer->columns;
    uint32_t column = 0;
    for (size_t position = 0; position < positions; position++) {
      sums[position] = 0;
    }
    for (size_t i = 0; i < stored; i++) {
      column = gap != NULL ? column + *gap++ : (uint32_t)i;
      const int32_t tap = (int32_t)(column % taps);
      spread(window, *weight++, tap / window->kernel_width, tap % window->kernel_width, group + column / taps * plane,
             sums);
    }
    for (size_t position = 0; position < positions; position++) {
      *out++ = finish(&layer->epilogue, row, sums[position]);
    }
  }
}
