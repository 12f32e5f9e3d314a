/* Weights are int8 with a scale a row, activations int8 with a scale a tensor, sums int32: no float anywhere. */
typedef int8_t weight_t;
typedef int8_t activation_t;
typedef int32_t sum_t;

/* The compiler must shift negative numbers arithmetically, as every known one for a microcontroller does. */
typedef char shifts_arithmetically[((-1) >> 1) == -1 ? 1 : -1];

static int8_t clip(int64_t y, int8_t low, int8_t high) { return y < low ? low : (y > high ? high : (int8_t)y); }

/* x * multiplier / 2^shift, rounded to the nearest, halves up. */
static int64_t rescale(int64_t x, int32_t multiplier, uint8_t shift) {
  return (x * multiplier + ((int64_t)1 << (shift - 1))) >> shift;
}

/* What follows a sum: the bias and scale of its row, then the bounds of an activation. */
typedef struct {
  const int32_t* bias;
  const int32_t* multipliers;
  const uint8_t* shifts;
  int8_t low;
  int8_t high;
} epilogue_t;

static int8_t finish(const epilogue_t* epilogue, size_t row, int32_t sum) {
  const int64_t y = rescale(sum + epilogue->bias[row], epilogue->multipliers[row], epilogue->shifts[row]);
  return clip(y, epilogue->low, epilogue->high);
}
