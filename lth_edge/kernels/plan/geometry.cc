#include "geometry.h"

namespace lth {
namespace {

int64_t span(const Window& window, int axis) {
  return static_cast<int64_t>(window.kernel[axis] - 1) * window.dilation[axis] + 1;
}

}  // namespace

Window resolved(const Window& window, Extent in) {
  Window result = window;
  if (window.auto_pad == 0) return result;
  const int32_t sizes[2] = {in.height, in.width};
  for (int axis = 0; axis < 2; ++axis) {
    const int64_t out = (static_cast<int64_t>(sizes[axis]) + window.stride[axis] - 1) / window.stride[axis];
    const int64_t needed = (out - 1) * window.stride[axis] + span(window, axis) - sizes[axis];
    const int32_t total = needed > 0 ? static_cast<int32_t>(needed) : 0;
    const int32_t smaller = total / 2;
    result.pad[axis] = window.auto_pad == 1 ? smaller : total - smaller;
    result.pad[axis + 2] = total - result.pad[axis];
  }
  result.auto_pad = 0;
  return result;
}

bool window_output(const Window& window, Extent in, int32_t& height, int32_t& width) {
  const int32_t sizes[2] = {in.height, in.width};
  int32_t* const results[2] = {&height, &width};
  for (int axis = 0; axis < 2; ++axis) {
    const int64_t room =
        static_cast<int64_t>(sizes[axis]) + window.pad[axis] + window.pad[axis + 2] - span(window, axis);
    if (room < 0 || room / window.stride[axis] >= INT32_MAX) return false;
    *results[axis] = static_cast<int32_t>(room / window.stride[axis] + 1);
  }
  return true;
}

}  // namespace lth
