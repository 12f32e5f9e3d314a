/* How a mean follows from a sum. */
typedef struct {
  int32_t divisor; /* 0: as many inputs as the window covers */
} mean_t;

static float divide(const mean_t* mean, float sum, int32_t count) {
  return sum / (float)(mean->divisor != 0 ? mean->divisor : count);
}
