// A chain of convolutions and pools, layer by layer, image by image.
#include "run_chunks.h"

namespace lth {
namespace {

struct ImageRun {
  const Program& program;
  const Schedule& schedule;
  const Call& call;
  float* values;
  float* shared;
  float* scratch;
  int64_t image;

  float* at(int32_t value) const { return value_at(program, schedule, call, values, value, image); }
};

bool run_convolution(const ImageRun& run, int32_t index) {
  const Layer& layer = run.program.chain.layers[index];
  const LayerPlan& plan = run.schedule.layers[index];
  const InstructionSet& set = *run.program.set;
  const float* const in = run.at(layer.source);
  const float* const residual = layer.residual < 0 ? nullptr : run.at(layer.residual);
  float* const out = run.at(run.program.chain.activation_count + index);
  if (is_alone(run.program)) {
    for (int32_t tile = 0; tile < plan.conv.tiles; ++tile)
      set.convolve(plan.conv, {in, nullptr, residual, out, tile, 0, layer.weights.rows}, run.scratch);
    return true;
  }
  const int32_t slices = plan.cut.slices, size = slice_rows(layer, slices), blocks = plan.conv.blocks;
  const int64_t tile_slabs = slab_floats(plan.conv) * blocks;
  if (plan.cut.shared) {
    const auto pack = [&](int32_t unit, float*) {
      const int32_t tile = unit / blocks;
      set.pack_tile(plan.conv, in, tile, unit % blocks, run.shared + tile * tile_slabs);
    };
    if (!run_chunks(run.program, run.call.host, plan.cut.chunks, plan.conv.tiles * blocks, 0, run.scratch, pack))
      return false;
  }
  const auto compute = [&](int32_t unit, float* scratch) {
    const int32_t tile = unit / slices, begin = unit % slices * size;
    const int32_t end = layer.weights.rows - begin < size ? layer.weights.rows : begin + size;
    if (begin >= end) return;
    set.convolve(plan.conv,
                 {in, plan.cut.shared ? run.shared + tile * tile_slabs : nullptr, residual, out, tile, begin, end},
                 scratch);
  };
  return run_chunks(run.program, run.call.host, plan.cut.chunks, plan.conv.tiles * slices,
                    scratch_floats(plan.conv, size), run.scratch, compute);
}

bool run_apart(const ImageRun& run, int32_t index) {
  const Layer& layer = run.program.chain.layers[index];
  const LayerPlan& plan = run.schedule.layers[index];
  const InstructionSet& set = *run.program.set;
  const float* const in = run.at(layer.source);
  const float* const residual = layer.residual < 0 ? nullptr : run.at(layer.residual);
  float* const out = run.at(run.program.chain.activation_count + index);
  const int64_t channels = layer.channels, chunks = plan.cut.chunks;
  const auto compute = [&](int32_t chunk, float*) {
    const int32_t begin = static_cast<int32_t>(chunk * channels / chunks);
    const int32_t end = static_cast<int32_t>((chunk + 1) * channels / chunks);
    if (layer.kind == LayerKind::convolution) set.depthwise(plan.depthwise, in, residual, out, begin, end);
    else if (layer.kind == LayerKind::max_pool) set.max_pool(plan.pool, in, out, begin, end);
    else set.average(plan.pool, in, out, begin, end);
  };
  return run_chunks(run.program, run.call.host, plan.cut.chunks, plan.cut.chunks, 0, run.scratch, compute);
}

bool run_layer(const ImageRun& run, int32_t index) {
  const Layer& layer = run.program.chain.layers[index];
  const bool apart = keeps_channels_apart(layer, run.schedule.extents[layer.source]);
  return apart ? run_apart(run, index) : run_convolution(run, index);
}

}  // namespace

bool run_images(const Program& program, const Schedule& schedule, const Call& call) {
  Storage size;
  size.take<float>(schedule.value_floats);
  size.take<float>(schedule.shared_floats);
  size.take<float>(schedule.scratch_floats);
  void* const memory = call.host->allocate(call.host, size.bytes());
  if (memory == nullptr) return false;
  Storage storage(memory);
  ImageRun run = {program,
                  schedule,
                  call,
                  storage.take<float>(schedule.value_floats),
                  storage.take<float>(schedule.shared_floats),
                  storage.take<float>(schedule.scratch_floats),
                  0};
  bool done = true;
  for (; done && run.image < call.batch; ++run.image)
    for (int32_t i = 0; done && i < program.chain.layer_count; ++i) done = run_layer(run, i);
  call.host->release(call.host, memory);
  return done;
}

}  // namespace lth
