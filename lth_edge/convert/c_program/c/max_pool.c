/* The largest input of each window. */
static activation_t largest(const window_t* window, const activation_t* plane, int32_t top, int32_t left) {
  const activation_t* found = NULL;
  for (int32_t row = 0; row < window->kernel_height; row++) {
    const int32_t y = top + row * window->dilation_height;
    for (int32_t column = 0; column < window->kernel_width; column++) {
      const int32_t x = left + column * window->dilation_width;
      if (y >= 0 && y < window->height && x >= 0 && x < window->width) {
        const activation_t* const at = plane + y * window->width + x;
        found = found == NULL || *at > *found ? at : found;
      }
    }
  }
  return *found;
}

static void max_pool(const window_t* window, const activation_t* in, activation_t* out) {
  for (int32_t channel = 0; channel < window->channels; channel++) {
    for (int32_t y = 0; y < window->out_height; y++) {
      for (int32_t x = 0; x < window->out_width; x++) {
        *out++ = largest(window, in, y * window->stride_height - window->top, x * window->stride_width - window->left);
      }
    }
    in += window->height * window->width;
  }
}
