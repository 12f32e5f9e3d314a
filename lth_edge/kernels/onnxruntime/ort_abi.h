// The slice of onnxruntime's C interface in use, by position. Its table of functions (OrtApi) is only ever appended to:
// a slot's number holds for onnxruntime 1.17 and all later ones. tests/runtime/test_abi.py and tools/check_abi.py prove
// the numbers.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lth::ort {

constexpr uint32_t kApiVersion = 17;  // of onnxruntime 1.17: the first with all slots below

// onnxruntime's own objects, known by address alone.
struct Status;
struct SessionOptions;
struct CustomOpDomain;
struct KernelInfo;
struct KernelContext;
struct Value;
struct TensorTypeAndShape;
struct Allocator;

struct Api {
  void (*slots[1])();  // several hundred
};

struct ApiBase {
  const Api* (*get_api)(uint32_t version);  // null where this onnxruntime is older than that
  const char* (*get_version)();
};

enum ErrorCode : int { kFail = 1, kInvalidArgument = 2 };
enum ElementType : int { kUndefined = 0, kFloat = 1, kUint8 = 2, kInt8 = 3, kUint16 = 4, kInt32 = 6, kFloat16 = 10 };
enum MemoryType : int { kDefaultMemory = 0 };
enum Characteristic : int { kVariadic = 2 };

// One function of the table: call it with the table as its first argument.
template <int index, typename Function>
struct Slot;

template <int index, typename Result, typename... Arguments>
struct Slot<index, Result(Arguments...)> {
  Result operator()(const Api* api, Arguments... arguments) const {
    return reinterpret_cast<Result (*)(Arguments...)>(api->slots[index])(arguments...);
  }
};

// A function that returns a Status gives null where it succeeds; the caller releases every other one.
constexpr Slot<0, Status*(ErrorCode code, const char* text)> CreateStatus{};
constexpr Slot<2, const char*(const Status*)> GetErrorMessage{};
constexpr Slot<93, void(Status*)> ReleaseStatus{};

constexpr Slot<26, Status*(const char* name, CustomOpDomain** out)> CreateCustomOpDomain{};
constexpr Slot<27, Status*(CustomOpDomain*, const struct CustomOp*)> CustomOpDomain_Add{};
constexpr Slot<28, Status*(SessionOptions*, CustomOpDomain*)> AddCustomOpDomain{};
constexpr Slot<101, void(CustomOpDomain*)> ReleaseCustomOpDomain{};

constexpr Slot<65, Status*(const Value*, TensorTypeAndShape** out)> GetTensorTypeAndShape{};
constexpr Slot<60, Status*(const TensorTypeAndShape*, ElementType* out)> GetTensorElementType{};
constexpr Slot<61, Status*(const TensorTypeAndShape*, size_t* out)> GetDimensionsCount{};
constexpr Slot<62, Status*(const TensorTypeAndShape*, int64_t* out, size_t count)> GetDimensions{};
constexpr Slot<99, void(TensorTypeAndShape*)> ReleaseTensorTypeAndShapeInfo{};
constexpr Slot<51, Status*(Value*, void** out)> GetTensorMutableData{};

// Of an array, `out` null asks for its size alone; `size` holds the room in `out`, then the size.
constexpr Slot<86, Status*(const KernelInfo*, const char* name, int64_t* out)> KernelInfoGetAttribute_int64{};
constexpr Slot<162, Status*(const KernelInfo*, const char* name, float* out, size_t* size)>
    KernelInfoGetAttributeArray_float{};
constexpr Slot<163, Status*(const KernelInfo*, const char* name, int64_t* out, size_t* size)>
    KernelInfoGetAttributeArray_int64{};
constexpr Slot<230, Status*(const KernelInfo*, size_t* out)> KernelInfo_GetInputCount{};
constexpr Slot<231, Status*(const KernelInfo*, size_t* out)> KernelInfo_GetOutputCount{};
constexpr Slot<244, Status*(const KernelInfo*, char* out, size_t* size)> KernelInfo_GetNodeName{};
constexpr Slot<249, Status*(const KernelInfo*, size_t index, int* is_constant, const Value** out)>
    KernelInfoGetConstantInput_tensor{};
constexpr Slot<278, Status*(const KernelInfo*, MemoryType, Allocator** out)> KernelInfoGetAllocator{};

constexpr Slot<75, Status*(Allocator*, size_t bytes, void** out)> AllocatorAlloc{};
constexpr Slot<76, Status*(Allocator*, void* memory)> AllocatorFree{};
constexpr Slot<132, void(Allocator*)> ReleaseAllocator{};

constexpr Slot<90, Status*(const KernelContext*, size_t index, const Value** out)> KernelContext_GetInput{};
constexpr Slot<91, Status*(KernelContext*, size_t index, const int64_t* dimensions, size_t count, Value** out)>
    KernelContext_GetOutput{};
constexpr Slot<274, Status*(const KernelContext*, void (*body)(void* argument, size_t i), size_t count, size_t batches,
                            void* argument)>
    KernelContext_ParallelFor{};

// An operator, as onnxruntime asks for it (OrtCustomOp). At version 17 it reads the first 22 of the 26 fields.
struct CustomOp {
  uint32_t version;                                                        // kApiVersion
  void* (*create_kernel)(const CustomOp*, const Api*, const KernelInfo*);  // unused: version 2 below
  const char* (*get_name)(const CustomOp*);
  const char* (*get_execution_provider)(const CustomOp*);  // null: the CPU's
  ElementType (*get_input_type)(const CustomOp*, size_t index);
  size_t (*get_input_count)(const CustomOp*);
  ElementType (*get_output_type)(const CustomOp*, size_t index);
  size_t (*get_output_count)(const CustomOp*);
  void (*compute)(void* kernel, KernelContext*);  // unused: version 2 below
  void (*destroy)(void* kernel);
  Characteristic (*get_input_characteristic)(const CustomOp*, size_t index);
  Characteristic (*get_output_characteristic)(const CustomOp*, size_t index);
  MemoryType (*get_input_memory_type)(const CustomOp*, size_t index);
  int (*get_variadic_input_minimum)(const CustomOp*);
  int (*get_variadic_input_homogeneity)(const CustomOp*);  // 1: all of one type
  int (*get_variadic_output_minimum)(const CustomOp*);
  int (*get_variadic_output_homogeneity)(const CustomOp*);
  Status* (*create_kernel_v2)(const CustomOp*, const Api*, const KernelInfo*, void** kernel);
  Status* (*compute_v2)(void* kernel, KernelContext*);
  Status* (*infer_shape)(const CustomOp*, void* context);  // optional, as is all that follows but the versions
  int (*get_start_version)(const CustomOp*);
  int (*get_end_version)(const CustomOp*);
  size_t (*get_may_inplace)(int** inputs, int** outputs);
  void (*release_may_inplace)(int* inputs, int* outputs);
  size_t (*get_alias_map)(int** inputs, int** outputs);
  void (*release_alias_map)(int* inputs, int* outputs);
};

static_assert(sizeof(CustomOp) == 26 * sizeof(void*), "OrtCustomOp has 26 fields");

}  // namespace lth::ort
