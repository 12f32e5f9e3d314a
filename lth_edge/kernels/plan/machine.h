// What the choice of a plan needs to know of an instruction set. Constants, not readings: the same file gets the same
// plan every time, on every machine of the set.
#pragma once

namespace lth {

// An image of no more positions than this is computed in vectors of this length, whatever a set has: their loads are
// hardly ever cut by a cache line's end.
constexpr int narrow_lanes = 4;

struct Machine {
  int lanes;           // floats in a vector
  int most_vectors;    // sums that stay in registers
  int l1_bytes;        // of the first-level data cache that a tile may fill
  bool masks;          // some lanes can be loaded by one instruction
  bool masked_stores;  // likewise stored, and fast
  int gather_cycles;   // that looking up sixteen floats at once takes; 0: this set has no instruction for it
};

}  // namespace lth
