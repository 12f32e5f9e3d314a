// The kernels of one instruction set: the only door between code compiled for every CPU and code compiled for some.
#pragma once

#include "../plan/conv_plan.h"
#include "../plan/depthwise_plan.h"
#include "../plan/machine.h"
#include "../plan/pool_plan.h"
#include "../plan/vector_plan.h"

namespace lth {

struct InstructionSet {
  const char* name;
  Machine machine;
  void (*convolve)(const ConvPlan& plan, const ConvPart& part, float* scratch);
  void (*pack_tile)(const ConvPlan& plan, const float* image, int32_t tile, int32_t block, float* slabs);
  void (*depthwise)(const DepthwisePlan& plan, const float* image, const float* residual, float* result, int32_t begin,
                    int32_t end);
  void (*max_pool)(const PoolPlan& plan, const float* image, float* result, int32_t begin, int32_t end);
  void (*halve_rows)(const PoolPlan& plan, const HalvedRows& rows);
  void (*average)(const PoolPlan& plan, const float* image, float* result, int32_t begin, int32_t end);
  void (*spread)(const VectorPlan& plan, const float* x, float* scratch);
  void (*multiply_vector)(const VectorPlan& plan, const float* x, float* scratch, int32_t begin, int32_t end);
  void (*finish_vector)(const VectorPlan& plan, const float* scratch, const float* residual, float* out);
  void (*gather_tokens)(const float* tokens, int32_t count, int32_t channels, int32_t tile_floats, float* tile);
  void (*multiply_tokens)(const ConvPlan& plan, const float* in, const float* residual, float* out);
  void (*scatter_tokens)(const float* tile, int32_t tile_floats, int32_t count, int32_t channels, float* tokens);
};

namespace baseline {
extern const InstructionSet instruction_set;
}
namespace avx2 {
extern const InstructionSet instruction_set;
}
namespace avx512 {
extern const InstructionSet instruction_set;
extern const InstructionSet with_fast_gathers;  // the same instructions, where plans differ
}  // namespace avx512

}  // namespace lth
