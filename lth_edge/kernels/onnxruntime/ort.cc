#include "ort.h"

namespace lth::ort {

bool succeeded(const Api* api, Status* status, Message& error) {
  if (status == nullptr) return true;
  error << GetErrorMessage(api, status);
  ReleaseStatus(api, status);
  return false;
}

int64_t extent_of_axes(const int64_t* axes, size_t count) {
  int64_t product = 1;
  for (size_t i = 0; i < count; ++i) {
    if (axes[i] < 0 || axes[i] > kMostElements) return -1;
    if (axes[i] > 0) product *= axes[i];
    if (product > kMostElements) return -1;
  }
  return product;
}

static bool read_shape(const Api* api, const TensorTypeAndShape* info, Tensor& tensor, Message& error) {
  if (!succeeded(api, GetTensorElementType(api, info, &tensor.type), error)) return false;
  if (!succeeded(api, GetDimensionsCount(api, info, &tensor.rank), error)) return false;
  if (tensor.rank > kMostAxes) {
    error << "has " << static_cast<int64_t>(tensor.rank) << " axes, more than " << static_cast<int64_t>(kMostAxes);
    return false;
  }
  if (!succeeded(api, GetDimensions(api, info, tensor.shape, tensor.rank), error)) return false;
  tensor.elements = extent_of_axes(tensor.shape, tensor.rank);
  if (tensor.elements < 0) {
    error << "has 2^31 or more elements";
    return false;
  }
  for (size_t i = 0; i < tensor.rank; ++i) {
    if (tensor.shape[i] == 0) tensor.elements = 0;
  }
  return true;
}

bool read_tensor(const Api* api, const Value* value, Tensor& tensor, Message& error) {
  if (value == nullptr) {
    error << "is missing";
    return false;
  }
  TensorTypeAndShape* info = nullptr;
  if (!succeeded(api, GetTensorTypeAndShape(api, value, &info), error)) return false;
  const bool read = read_shape(api, info, tensor, error);
  ReleaseTensorTypeAndShapeInfo(api, info);
  if (!read) return false;
  void* data = nullptr;
  if (!succeeded(api, GetTensorMutableData(api, const_cast<Value*>(value), &data), error)) return false;
  tensor.data = data;
  return true;
}

}  // namespace lth::ort
