// A node of SparseLinear or SparseConv in a session: made once, run many times, by several threads at once.
#pragma once

#include "../coded/memory.h"
#include "ort_host.h"

namespace lth::ort {

struct ChainKernel {
  const Api* api;
  Allocator* allocator;  // own
  Program* program;      // own
  coded::Memory memory;  // own; of constants that were coded
  bool linear;
  int32_t spatial;  // axes of an image
  int32_t activation_count;
  int32_t output_count;
};

// Null and an error where the node breaks a rule of OPERATORS.md.
ChainKernel* create_kernel(const Api* api, const KernelInfo* info, bool linear, Message& error);
void destroy_kernel(ChainKernel* kernel);

// False and an error where the shapes contradict the node or each other. Writes to nothing but the outputs.
bool run_kernel(const ChainKernel& kernel, KernelContext* context, Message& error);

}  // namespace lth::ort
