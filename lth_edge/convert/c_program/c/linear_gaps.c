/* Fully connected: out[row] = sum of weight * in[column] over the weights that are stored. */
static void linear_gaps(const rows_t* layer, const activation_t* in, activation_t* out) {
  const weight_t* weight = layer->weights;
  const uint8_t* gap = layer->gaps;
  for (size_t row = 0; row < layer->rows; row++) {
    const weight_t* const end = weight + layer->counts[row];
    const activation_t* x = in;
    sum_t sum = 0;
    while (weight < end) {
      x += *gap++;
      sum += (sum_t)*weight++ * (sum_t)*x;
    }
    out[row] = finish(&layer->epilogue, row, sum);
  }
}
