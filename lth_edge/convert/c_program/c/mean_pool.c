/* The sum of each window; *count becomes the number of inputs that it covers. */
static sum_t total(const window_t* window, const activation_t* plane, int32_t top, int32_t left, int32_t* count) {
  sum_t sum = 0;
  *count = 0;
  for (int32_t row = 0; row < window->kernel_height; row++) {
    const int32_t y = top + row * window->dilation_height;
    for (int32_t column = 0; column < window->kernel_width; column++) {
      const int32_t x = left + column * window->dilation_width;
      if (y >= 0 && y < window->height && x >= 0 && x < window->width) {
        sum += plane[y * window->width + x];
        ++*count;
      }
    }
  }
  return sum;
}

/* The mean of each window. */
static void mean_pool(const window_t* window, const mean_t* mean, const activation_t* in, activation_t* out) {
  for (int32_t channel = 0; channel < window->channels; channel++) {
    for (int32_t y = 0; y < window->out_height; y++) {
      for (int32_t x = 0; x < window->out_width; x++) {
        const int32_t top = y * window->stride_height - window->top;
        const int32_t left = x * window->stride_width - window->left;
        int32_t count;
        const sum_t sum = total(window, in, top, left, &count);
        *out++ = divide(mean, sum, count);
      }
    }
    in += window->height * window->width;
  }
}
