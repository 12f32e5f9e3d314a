// A matrix row by row, for instruction sets that look up one float at a time.
#pragma once

#include "../layers/layer.h"
#include "../layers/storage.h"

namespace lth {

// Nonzeros are read four at a time: every piece of a row is filled up with zeros that are multiplied with a zero, kept
// behind each block of columns for that.
constexpr int32_t read_together = 4;
constexpr int32_t row_block_columns = 65532;  // with its zeros, what 16-bit indices reach

struct PackedRows {
  int32_t blocks;
  // Row by row, in it block by block: the nonzeros of piece row x blocks + block are starts[piece] .. starts[piece +
  // 1].
  const int32_t* starts;
  const uint16_t* indices;  // within the block
  const void* values;
};

// Lays out and, unless `storage` is measuring, packs. False where the layer is too large for 32-bit sizes.
bool pack_rows(const Csr& weights, Storage& storage, PackedRows& packed);

}  // namespace lth
