#include "columns.h"

#include "../layers/rounding.h"

namespace lth {
namespace {

// Lanes whose positions, from `first` on, are below `width`.
uint16_t lanes_inside(int64_t first, int64_t width, int32_t lanes) {
  uint32_t bits = 0;
  for (int32_t lane = 0; lane < lanes; ++lane)
    if (first + lane >= 0 && first + lane < width) bits |= 1u << lane;
  return static_cast<uint16_t>(bits);
}

ColumnVector column_vector(const Window& window, int32_t in_width, int32_t out_width, int32_t lanes, int32_t first) {
  const uint16_t all = lanes_inside(0, lanes, lanes);
  ColumnVector vector = {};
  vector.first = first;
  vector.stored = lanes_inside(first, out_width, lanes);
  vector.whole = vector.stored == all;
  const int64_t left = static_cast<int64_t>(first) * window.stride[1] - window.pad[1];
  for (int32_t load = 0; load < column_loads(window.kernel[1], window.stride[1]); ++load) {
    const int64_t begin = left + column_load(load, window.stride[1], window.dilation[1], lanes);
    vector.loaded[load] = lanes_inside(begin, in_width, lanes);
    vector.whole = vector.whole && vector.loaded[load] == all;
  }
  return vector;
}

}  // namespace

bool has_columns(const Window& window) {
  const int32_t stride = window.stride[1];
  return (stride == 1 || (stride == 2 && window.dilation[1] == 1)) &&
         column_loads(window.kernel[1], stride) <= most_column_loads;
}

Columns cut_columns(const Window& window, int32_t in_width, int32_t out_width, int32_t lanes, Storage& storage) {
  const int32_t count = static_cast<int32_t>(quotient_up(out_width, lanes));
  ColumnVector* const vectors = storage.take<ColumnVector>(count);
  for (int32_t i = 0; i < count && vectors != nullptr; ++i) {
    const int32_t last = out_width > lanes ? out_width - lanes : 0;
    vectors[i] = column_vector(window, in_width, out_width, lanes, i * lanes < last ? i * lanes : last);
  }
  return {vectors, count};
}

}  // namespace lth
