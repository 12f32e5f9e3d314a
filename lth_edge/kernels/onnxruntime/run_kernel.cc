#include "../measure/mark.h"
#include "chain_kernel.h"
#include "read_chain.h"

namespace lth::ort {

namespace {

// What one run is given: the axes that all activations share, and each activation.
struct Given {
  size_t lead_count;        // axes before the last of a linear chain; of images 1
  int64_t lead[kMostAxes];  // the tokens' axes, or the batch
  int64_t lead_elements;    // their product
  Extent extents[kMostActivations];
  const float* data[kMostActivations];
};

bool refuse(int32_t activation, const char* why, Message& error) {
  error << "activation " << activation << " " << why;
  return false;
}

bool read_activation(const ChainKernel& kernel, const KernelContext* context, int32_t index, Tensor& tensor,
                     Message& error) {
  const Value* value = nullptr;
  Message why;
  if (!succeeded(kernel.api, KernelContext_GetInput(kernel.api, context, static_cast<size_t>(index), &value), why) ||
      !read_tensor(kernel.api, value, tensor, why)) {
    return refuse(index, why.text(), error);
  }
  return tensor.type == kFloat || refuse(index, "is not float32", error);
}

// The axes that all activations of a run have in common.
bool read_lead(const ChainKernel& kernel, int32_t index, const Tensor& tensor, Given& given, Message& error) {
  const size_t lead_count = kernel.linear ? tensor.rank - 1 : 1;
  if (index == 0) {
    given.lead_count = lead_count;
    given.lead_elements = 1;
    for (size_t i = 0; i < lead_count; ++i) {
      given.lead[i] = tensor.shape[i];
      given.lead_elements *= tensor.shape[i];
    }
    return true;
  }
  bool same = lead_count == given.lead_count;
  for (size_t i = 0; same && i < lead_count; ++i) same = tensor.shape[i] == given.lead[i];
  if (same) return true;
  return refuse(index, kernel.linear ? "has other leading axes than the first" : "has another batch than the first",
                error);
}

// Each axis fits 32 bits: read_tensor refuses what does not.
Extent extent_of(const ChainKernel& kernel, const Tensor& tensor, const Given& given) {
  const auto axis = [&](size_t i) { return static_cast<int32_t>(tensor.shape[i]); };
  if (kernel.linear) return {axis(tensor.rank - 1), 1, static_cast<int32_t>(given.lead_elements)};
  return kernel.spatial == 1 ? Extent{axis(1), 1, axis(2)} : Extent{axis(1), axis(2), axis(3)};
}

bool is_empty_image(const Tensor& tensor) {
  for (size_t i = 1; i < tensor.rank; ++i) {
    if (tensor.shape[i] == 0) return true;
  }
  return false;
}

bool read_activations(const ChainKernel& kernel, const KernelContext* context, Given& given, Message& error) {
  for (int32_t i = 0; i < kernel.activation_count; ++i) {
    Tensor tensor = {};
    if (!read_activation(kernel, context, i, tensor, error)) return false;
    const size_t rank = static_cast<size_t>(kernel.spatial) + 2;
    if (kernel.linear ? tensor.rank == 0 : tensor.rank != rank) {
      error << "activation " << i << " has " << static_cast<int64_t>(tensor.rank) << " axes";
      return false;
    }
    if (!kernel.linear && is_empty_image(tensor)) return refuse(i, "has images without an element", error);
    if (!read_lead(kernel, i, tensor, given, error)) return false;
    given.extents[i] = extent_of(kernel, tensor, given);
    given.data[i] = static_cast<const float*>(tensor.data);
  }
  return true;
}

// The outputs of a run of nothing have shapes too: those that one token would have.
bool find_outputs(const ChainKernel& kernel, const Given& given, Extent* outputs, Message& error) {
  if (!kernel.linear || given.lead_elements > 0) return output_extents(kernel.program, given.extents, outputs, error);
  Given one = given;
  for (int32_t i = 0; i < kernel.activation_count; ++i) one.extents[i].width = 1;
  return output_extents(kernel.program, one.extents, outputs, error);
}

bool make_output(const ChainKernel& kernel, KernelContext* context, int32_t index, const Given& given,
                 const Extent& extent, float*& data, Message& error) {
  int64_t shape[kMostAxes];
  size_t rank = 0;
  for (; rank < given.lead_count; ++rank) shape[rank] = given.lead[rank];
  shape[rank++] = extent.channels;
  if (!kernel.linear && kernel.spatial == 2) shape[rank++] = extent.height;
  if (!kernel.linear) shape[rank++] = extent.width;
  if (extent_of_axes(shape, rank) < 0) {
    error << "output " << index << " would have 2^31 or more elements";
    return false;
  }
  Value* value = nullptr;
  Status* status = KernelContext_GetOutput(kernel.api, context, static_cast<size_t>(index), shape, rank, &value);
  if (!succeeded(kernel.api, status, error)) return false;
  if (value == nullptr) {
    error << "output " << index << " has no name";
    return false;
  }
  void* memory = nullptr;
  if (!succeeded(kernel.api, GetTensorMutableData(kernel.api, value, &memory), error)) return false;
  data = static_cast<float*>(memory);
  return true;
}

}  // namespace

bool run_kernel(const ChainKernel& kernel, KernelContext* context, Message& error) {
  LTH_MARK(operate);
  Given given;
  Extent extents[kMostOutputs];
  float* outputs[kMostOutputs];
  if (!read_activations(kernel, context, given, error) || !find_outputs(kernel, given, extents, error)) return false;
  for (int32_t i = 0; i < kernel.output_count; ++i) {
    if (!make_output(kernel, context, i, given, extents[i], outputs[i], error)) return false;
  }
  if (given.lead_elements == 0) return true;
  OrtHost host = make_host(kernel.api, kernel.allocator, context);
  const int64_t batch = kernel.linear ? 1 : given.lead_elements;
  if (!run(kernel.program, &host, batch, given.extents, given.data, outputs, error)) return false;
  if (host.broken) error << "onnxruntime's threads did not finish";
  LTH_MARK(leave);
  return !host.broken;
}

}  // namespace lth::ort
