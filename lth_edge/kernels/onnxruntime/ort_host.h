// onnxruntime's memory and threads, as the kernels ask for them.
#pragma once

#include "../layers/array.h"
#include "../layers/program.h"
#include "ort.h"

namespace lth::ort {

// Memory comes from the allocator of the session; threads from the run in `context`, or, while loading, from nowhere.
// A host of a run lives on the stack of that run.
struct OrtHost : Host {
  const Api* api;
  Allocator* allocator;
  const KernelContext* context;  // null while loading
  bool broken;                   // a parallel_for did not do all its work
};

OrtHost make_host(const Api* api, Allocator* allocator, const KernelContext* context);

}  // namespace lth::ort
