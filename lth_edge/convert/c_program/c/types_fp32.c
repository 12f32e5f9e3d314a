/* Weights and activations are floats. */
typedef float weight_t;
typedef float activation_t;
typedef float sum_t;

/* What follows a sum: the bias of its row, then the bounds of an activation. */
typedef struct {
  const float* bias;
  float low;
  float high;
} epilogue_t;

static float finish(const epilogue_t* epilogue, size_t row, float sum) {
  const float y = sum + epilogue->bias[row];
  return y < epilogue->low ? epilogue->low : (y > epilogue->high ? epilogue->high : y);
}
