// Marks along a run, for a build that measures where its time goes (benchmarks/kernels/marks.cc): each ends what the
// mark before it on its core began. A release is compiled without LTH_MARKS and has nothing of them.
#pragma once

#if defined(LTH_MARKS)
#include <stdint.h>

namespace lth {

// What begins.
enum class Mark : int32_t {
  operate,    // what an operator does once a run
  leave,      // what is not ours: onnxruntime, its operators, the caller
  layer,      // setting up a layer: its number
  pack,       // inputs into the slab: floats; or tokens into lanes, or a vector into blocks
  multiply,   // rows of nonzeros with inputs: nonzeros, rows, floats that each nonzero meets at a time, how often
  finish,     // bias, residual and activation that a kernel could not do in registers
  depthwise,  // a layer with a kernel of its own for one channel a group
  pool,
  share,  // handing work to threads: pieces
  piece,  // one of them: its number
  done,   // nothing: the piece is computed
  join,   // all pieces are
};

void mark(Mark what, int32_t first = 0, int32_t second = 0, int32_t third = 0, int32_t fourth = 0);

}  // namespace lth

#define LTH_MARK(...) ::lth::mark(::lth::Mark::__VA_ARGS__)
#else
#define LTH_MARK(...)
#endif
