// What onnxruntime sees of the library: RegisterCustomOps, and by it the two operators of the domain lth_edge.
#include "../cpu/export.h"
#include "chain_kernel.h"

namespace lth::ort {

namespace {

constexpr int kVersion = 1;  // of the domain: see OPERATORS.md
constexpr int32_t kMostNameBytes = 96;

// A status that names the operator and, where it has one that is not too long, the node.
Status* failure(const Api* api, bool linear, const KernelInfo* info, const Message& error) {
  Message text;
  text << (linear ? "SparseLinear" : "SparseConv");
  if (info != nullptr) {
    char name[kMostNameBytes] = {};
    size_t bytes = sizeof name;
    Message unused;
    const bool named = succeeded(api, KernelInfo_GetNodeName(api, info, name, &bytes), unused) && name[0] != 0;
    if (named) text << " '" << name << "'";
  }
  text << ": " << error.text();
  return CreateStatus(api, kInvalidArgument, text.text());
}

template <bool linear>
Status* create_kernel_v2(const CustomOp*, const Api* api, const KernelInfo* info, void** kernel) {
  Message error;
  *kernel = create_kernel(api, info, linear, error);
  return *kernel == nullptr ? failure(api, linear, info, error) : nullptr;
}

Status* compute_v2(void* opaque, KernelContext* context) {
  const ChainKernel& kernel = *static_cast<const ChainKernel*>(opaque);
  Message error;
  if (run_kernel(kernel, context, error)) return nullptr;
  return failure(kernel.api, kernel.linear, nullptr, error);
}

// The activations and constants are one list of tensors of any type; the outputs are one of float32.
template <bool linear>
constexpr CustomOp describe() {
  CustomOp op = {};
  op.version = kApiVersion;
  op.get_name = [](const CustomOp*) { return linear ? "SparseLinear" : "SparseConv"; };
  op.get_execution_provider = [](const CustomOp*) -> const char* { return nullptr; };
  op.get_input_type = [](const CustomOp*, size_t) { return kUndefined; };
  op.get_output_type = [](const CustomOp*, size_t) { return kFloat; };
  op.get_input_count = op.get_output_count = [](const CustomOp*) -> size_t { return 1; };
  op.get_input_characteristic = op.get_output_characteristic = [](const CustomOp*, size_t) { return kVariadic; };
  op.get_input_memory_type = [](const CustomOp*, size_t) { return kDefaultMemory; };
  op.get_variadic_input_minimum = op.get_variadic_output_minimum = [](const CustomOp*) { return 1; };
  op.get_variadic_input_homogeneity = [](const CustomOp*) { return 0; };
  op.get_variadic_output_homogeneity = [](const CustomOp*) { return 1; };
  op.create_kernel_v2 = create_kernel_v2<linear>;
  op.compute_v2 = compute_v2;
  op.destroy = [](void* kernel) { destroy_kernel(static_cast<ChainKernel*>(kernel)); };
  op.get_start_version = [](const CustomOp*) { return kVersion; };
  op.get_end_version = [](const CustomOp*) { return INT32_MAX; };
  return op;
}

constexpr CustomOp kSparseLinear = describe<true>();
constexpr CustomOp kSparseConv = describe<false>();

Status* fill(const Api* api, CustomOpDomain* domain, SessionOptions* options) {
  if (Status* status = CustomOpDomain_Add(api, domain, &kSparseLinear)) return status;
  if (Status* status = CustomOpDomain_Add(api, domain, &kSparseConv)) return status;
  return AddCustomOpDomain(api, options, domain);
}

}  // namespace

}  // namespace lth::ort

// Adds the operators to a session's options. The options keep the domain, and nobody tells us when to release it: some
// hundred bytes for each options object stay for good. Null, or a status for the caller to release.
LTH_EXPORT lth::ort::Status* RegisterCustomOps(lth::ort::SessionOptions* options, const lth::ort::ApiBase* base) {
  using namespace lth::ort;
  const Api* api = base->get_api(kApiVersion);
  if (api == nullptr) return CreateStatus(base->get_api(1), kFail, "lth_edge needs onnxruntime 1.17 or newer");
  CustomOpDomain* domain = nullptr;
  if (Status* status = CreateCustomOpDomain(api, "lth_edge", &domain)) return status;
  Status* status = fill(api, domain, options);
  if (status != nullptr) ReleaseCustomOpDomain(api, domain);
  return status;
}
