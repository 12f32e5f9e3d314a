#include "ort_host.h"

namespace lth::ort {

static bool worked(const Api* api, Status* status) {
  Message unused;
  return succeeded(api, status, unused);
}

static void* allocate(Host* self, size_t bytes) {
  const auto* host = static_cast<OrtHost*>(self);
  void* memory = nullptr;
  return worked(host->api, AllocatorAlloc(host->api, host->allocator, bytes, &memory)) ? memory : nullptr;
}

static void release(Host* self, void* memory) {
  const auto* host = static_cast<OrtHost*>(self);
  worked(host->api, AllocatorFree(host->api, host->allocator, memory));
}

static void parallel_for(Host* self, size_t count, void (*body)(void* argument, size_t i), void* argument) {
  auto* host = static_cast<OrtHost*>(self);
  if (count > 1 && host->context != nullptr) {
    Status* status = KernelContext_ParallelFor(host->api, host->context, body, count, 0, argument);
    if (!worked(host->api, status)) host->broken = true;
    return;
  }
  for (size_t i = 0; i < count; ++i) body(argument, i);
}

OrtHost make_host(const Api* api, Allocator* allocator, const KernelContext* context) {
  OrtHost host = {};
  host.allocate = allocate;
  host.release = release;
  host.parallel_for = parallel_for;
  host.api = api;
  host.allocator = allocator;
  host.context = context;
  return host;
}

}  // namespace lth::ort
