// Calls a session of onnxruntime from compiled code and times each call.
#include <stddef.h>
#include <stdint.h>
#include <time.h>

namespace {

int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

}  // namespace

// OrtApi::Run with default options.
using Run = void* (*)(void* session, const void* options, const char* const* input_names, const void* const* inputs,
                      size_t input_count, const char* const* output_names, size_t output_count, void** outputs);

// Nanoseconds of each of `calls` runs; the first status that is not null, or null.
extern "C" void* time_calls(Run run, void* session, const char* const* input_names, const void* const* inputs,
                            size_t input_count, const char* const* output_names, size_t output_count, void** outputs,
                            long calls, int64_t* nanoseconds) {
  for (long call = 0; call < calls; ++call) {
    const int64_t start = now();
    void* const status = run(session, nullptr, input_names, inputs, input_count, output_names, output_count, outputs);
    nanoseconds[call] = now() - start;
    if (status != nullptr) return status;
  }
  return nullptr;
}
