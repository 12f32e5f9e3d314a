/* Fully connected: out[row] = sum of weight * in[column]. */
static void linear_dense(const rows_t* layer, const activation_t* in, activation_t* out) {
  const weight_t* weight = layer->weights;
  for (size_t row = 0; row < layer->rows; row++) {
    sum_t sum = 0;
    for (size_t column = 0; column < layer->columns; column++) {
      sum += (sum_t)*weight++ * (sum_t)in[column];
    }
    out[row] = finish(&layer->epilogue, row, sum);
  }
}
