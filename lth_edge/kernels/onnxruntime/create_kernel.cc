#include "chain_kernel.h"
#include "read_chain.h"

namespace lth::ort {

namespace {

Program* make_program(Node node, Host* host, ChainKernel& kernel, Message& error) {
  ChainFile file(host);
  const bool read = open_coded(node, file, error) && read_chain(node, host, kernel.linear, file, error) &&
                    check(file.chain, error) && read_expected(node, host, file, error);
  kernel.memory = file.memory;
  if (!read) return nullptr;
  kernel.spatial = file.spatial;
  kernel.activation_count = file.chain.activation_count;
  kernel.output_count = file.chain.output_count;
  return create(host, file.chain, file.expected.data(), file.tuning.data(), error);
}

ChainKernel* make_kernel(const Node& node, Allocator* allocator, bool linear, Message& error) {
  OrtHost host = make_host(node.api, allocator, nullptr);
  ChainKernel kernel = {node.api, allocator, nullptr, {}, linear, 1, 0, 0};
  kernel.program = make_program(node, &host, kernel, error);
  auto* made = kernel.program == nullptr ? nullptr : static_cast<ChainKernel*>(host.allocate(&host, sizeof kernel));
  if (made != nullptr) {
    *made = kernel;
    return made;
  }
  if (kernel.program != nullptr) {
    error << "no memory for the kernel";
    destroy(&host, kernel.program);
  }
  kernel.memory.release(&host);
  return nullptr;
}

}  // namespace

ChainKernel* create_kernel(const Api* api, const KernelInfo* info, bool linear, Message& error) {
  Allocator* allocator = nullptr;
  if (!succeeded(api, KernelInfoGetAllocator(api, info, kDefaultMemory, &allocator), error)) return nullptr;
  ChainKernel* kernel = make_kernel({api, info, nullptr}, allocator, linear, error);
  if (kernel == nullptr) ReleaseAllocator(api, allocator);
  return kernel;
}

void destroy_kernel(ChainKernel* kernel) {
  ChainKernel last = *kernel;
  OrtHost host = make_host(last.api, last.allocator, nullptr);
  destroy(&host, last.program);
  last.memory.release(&host);
  host.release(&host, kernel);
  ReleaseAllocator(last.api, last.allocator);
}

}  // namespace lth::ort
