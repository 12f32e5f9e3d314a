// A matrix prepared to be multiplied with one vector at a time.
#pragma once

#include "../layers/layer.h"
#include "../layers/message.h"
#include "../layers/storage.h"

namespace lth {

// Nonzeros are read four at a time: every piece of a row is filled up with zeros that are multiplied with a zero, kept
// behind each block of columns for that.
constexpr int32_t read_together = 4;
constexpr int32_t block_columns = 65532;  // with its zeros, what 16-bit indices reach

struct VectorPlan {
  int32_t rows, columns, blocks;
  // Row by row, in it block by block: the nonzeros of piece row x blocks + block are starts[piece] .. starts[piece +
  // 1].
  const int32_t* starts;
  const uint16_t* indices;  // within the block
  DataType data_type;
  const void* data;
  const float* scale;  // [rows], for int8
  const float* bias;   // [rows] or null
  Activation activation;
};

// Floats of a vector with zeros behind each block of columns.
inline int64_t spread_floats(const VectorPlan& plan) {
  return plan.columns + static_cast<int64_t>(plan.blocks) * read_together;
}

// Lays out and, unless `storage` is measuring, packs. False where the layer is too large for 32-bit sizes.
bool plan_vector(const Layer& layer, Storage& storage, VectorPlan& plan, Message& error);

}  // namespace lth
