/* How a mean follows from a sum: with 8 bits behind the point, then rescaled. */
typedef struct {
  int32_t divisor; /* 0: as many inputs as the window covers */
  int32_t multiplier;
  uint8_t shift;
} mean_t;

static int8_t divide(const mean_t* mean, int32_t sum, int32_t count) {
  const int32_t fine = sum * 256 / (mean->divisor != 0 ? mean->divisor : count);
  return clip(rescale(fine, mean->multiplier, mean->shift), -127, 127);
}
