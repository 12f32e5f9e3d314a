// A chain of convolutions and pools, layer by layer, image by image.
#include "../measure/mark.h"
#include "image_run.h"

namespace lth {
namespace {

// What a float read costs in multiply-adds where channels are kept apart.
constexpr double apart_cost = 16;

// Units begin .. end: slices of tiles, those of one tile at once.
void convolve_units(const ImageRun& run, const Layer& layer, const ConvPlan& plan, ConvPart part, int32_t slices,
                    const float* slabs, int32_t begin, int32_t end, float* scratch) {
  const int32_t size = slice_rows(layer, slices);
  for (int32_t unit = begin; unit < end;) {
    part.tile = unit / slices;
    const int32_t first = unit % slices, left = end - unit, last = slices - first < left ? slices : first + left;
    part.slabs = slabs == nullptr ? nullptr : slabs + part.tile * slab_floats(plan) * plan.blocks;
    part.begin = first * size;
    part.end = layer.weights.rows < last * size ? layer.weights.rows : last * size;
    if (part.begin < part.end) run.program.set->convolve(plan, part, scratch);
    unit += last - first;
  }
}

bool pack_tiles(const ImageRun& run, const ConvPlan& plan, const float* in, int32_t chunks, float* slabs) {
  const auto pack = [&](int32_t begin, int32_t end, float*) {
    for (int32_t unit = begin; unit < end; ++unit) {
      const int32_t tile = unit / plan.blocks;
      run.program.set->pack_tile(plan, in, tile, unit % plan.blocks, slabs + tile * slab_floats(plan) * plan.blocks);
    }
  };
  return run_chunks(run.program, run.call.host, chunks, plan.tiles * plan.blocks, 0, run.scratch, pack);
}

bool run_convolution(const ImageRun& run, int32_t index) {
  const Layer& layer = run.program.chain.layers[index];
  const ConvPlan& plan = run.schedule.layers[index].conv;
  Host* const host = run.call.host;
  ConvPart part = {};
  part.image = run.at(layer.source);
  part.residual = layer.residual < 0 ? nullptr : run.at(layer.residual);
  part.out = run.at(run.program.chain.activation_count + index);
  part.out_plane = static_cast<int64_t>(plan.out.height) * plan.out.width;
  const Cut cut = cut_for(layer, plan, threads_of(run.program));
  void* memory = nullptr;
  float* slabs = nullptr;
  if (cut.shared) {
    const int64_t floats = slab_floats(plan) * plan.blocks * plan.tiles;
    memory = host->allocate(host, static_cast<size_t>(floats) * sizeof(float) + Storage::alignment);
    if (memory == nullptr) return false;
    slabs = Storage(memory).take<float>(floats);
  }
  const auto compute = [&](int32_t begin, int32_t end, float* scratch) {
    convolve_units(run, layer, plan, part, cut.slices, slabs, begin, end, scratch);
  };
  const bool done = (!cut.shared || pack_tiles(run, plan, part.image, cut.chunks, slabs)) &&
                    run_chunks(run.program, host, cut.chunks, plan.tiles * cut.slices,
                               scratch_floats(plan, chunk_rows(layer, plan, cut)), run.scratch, compute);
  if (memory != nullptr) host->release(host, memory);
  return done;
}

bool run_apart(const ImageRun& run, int32_t index) {
  const Layer& layer = run.program.chain.layers[index];
  const LayerPlan& plan = run.schedule.layers[index];
  const InstructionSet& set = *run.program.set;
  const float* const in = run.at(layer.source);
  const float* const residual = layer.residual < 0 ? nullptr : run.at(layer.residual);
  float* const out = run.at(run.program.chain.activation_count + index);
  const auto compute = [&](int32_t begin, int32_t end, float*) {
    if (layer.kind == LayerKind::convolution) {
      LTH_MARK(depthwise);
      return set.depthwise(plan.depthwise, in, residual, out, begin, end);
    }
    LTH_MARK(pool);
    if (layer.kind == LayerKind::max_pool) set.max_pool(plan.pool, in, out, begin, end);
    else set.average(plan.pool, in, out, begin, end);
  };
  const double work = apart_cost * static_cast<double>(floats(run.schedule.extents[layer.source]));
  const int32_t chunks = chunks_of(run.program, work, layer.channels);
  return run_chunks(run.program, run.call.host, chunks, layer.channels, 0, run.scratch, compute);
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
  size.take<float>(schedule.scratch_floats);
  void* const memory = call.host->allocate(call.host, size.bytes());
  if (memory == nullptr) return false;
  Storage storage(memory);
  ImageRun run = {
      program, schedule, call, storage.take<float>(schedule.value_floats), storage.take<float>(schedule.scratch_floats),
      0};
  bool done = true;
  for (; done && run.image < call.batch; ++run.image)
    for (int32_t i = 0; done && i < program.chain.layer_count; ++i) {
      LTH_MARK(layer, i);
      const bool pooled = schedule.layers[i].pooled;
      done = pooled ? run_pooled(run, i) : run_layer(run, i);
      if (pooled) ++i;
    }
  LTH_MARK(operate);
  call.host->release(call.host, memory);
  return done;
}

}  // namespace lth
