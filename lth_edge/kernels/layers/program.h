// A chain made ready to run: the public face of the kernels. Whoever runs it (onnxruntime, a test) is its Host.
#pragma once

#include "layer.h"
#include "message.h"

namespace lth {

// Memory and threads of whoever runs a chain. Calls may come from several threads at once.
struct Host {
  void* (*allocate)(Host* self, size_t bytes);  // at least 16-byte aligned; null when there is none left
  void (*release)(Host* self, void* memory);
  // Calls body(argument, i) for every i below count, in any order, on any threads; returns when all are done.
  void (*parallel_for)(Host* self, size_t count, void (*body)(void* argument, size_t i), void* argument);
};

struct Program;

// Checks everything that a file may hold; says what is wrong and in which layer. O(nnz).
// The caller has sized the pointers by their tensors: indptr [rows + 1], scale and bias [rows].
bool check(const Chain& chain, Message& error);

// Prepares a checked chain for this CPU and for activations of the given extents, one each; height or width 0: not
// known, to be prepared when a run first brings some. Of a linear chain height is 1 and width the number of tokens.
// Memory is the host's. `tuning` is [3 x layers] or null. The constants must outlive the program; the chain and its
// arrays need not. Null with an error where the host has no memory or the chain is too large.
Program* create(Host* host, const Chain& chain, const Extent* expected, const int64_t* tuning, Message& error);

// With the named instruction set rather than the best; null with an error where this CPU cannot run it.
Program* create_with(const char* set, Host* host, const Chain& chain, const Extent* expected, const int64_t* tuning,
                     Message& error);

void destroy(Host* host, Program* program);

// The extents of the outputs for activations of these extents; an error where they contradict the weights or each
// other.
bool output_extents(const Program* program, const Extent* activations, Extent* outputs, Message& error);

// Runs `batch` images: activations[i] is [batch, channels, height, width], likewise outputs[i]; of a linear chain batch
// is 1, and activations[i] is [tokens, channels], outputs[i] [tokens, rows]. Many runs of one program at the same time
// are fine.
bool run(const Program* program, Host* host, int64_t batch, const Extent* extents, const float* const* activations,
         float* const* outputs, Message& error);

}  // namespace lth
