/* A window that moves over a plane of height x width; beyond its edges nothing counts. */
typedef struct {
  int32_t channels; /* of the input */
  int32_t height;
  int32_t width;
  int32_t out_height;
  int32_t out_width;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t top;  /* padding */
  int32_t left; /* padding */
} window_t;
