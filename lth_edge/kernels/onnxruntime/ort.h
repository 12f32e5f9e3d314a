// Statuses and tensors of onnxruntime, read into plain data.
#pragma once

#include "../layers/message.h"
#include "ort_abi.h"

namespace lth::ort {

constexpr size_t kMostAxes = 32;
constexpr int64_t kMostElements = INT32_MAX;

// Whether a call of onnxruntime's went well; if not, says what onnxruntime said. Releases the status.
bool succeeded(const Api* api, Status* status, Message& error);

struct Tensor {
  ElementType type;
  size_t rank;
  int64_t shape[kMostAxes];
  int64_t elements;  // 0 where an axis is 0 long
  const void* data;
};

// Refuses a value that is not a tensor, has more than kMostAxes axes or reaches kMostElements. `value` may be null.
bool read_tensor(const Api* api, const Value* value, Tensor& tensor, Message& error);

// The product of the axes, those of length 0 counted as 1; -1 where it passes kMostElements or an axis is negative.
int64_t extent_of_axes(const int64_t* axes, size_t count);

}  // namespace lth::ort
