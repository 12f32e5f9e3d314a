#include "../layers/rounding.h"
#include "../measure/mark.h"
#include "image_run.h"
#include "pooled.h"

namespace lth {
namespace {

// One chunk's bands, one after the other: the last row of each is kept for the next.
class PooledBands {
 public:
  PooledBands(const ImageRun& run, int32_t index, float* scratch)
      : set_(*run.program.set),
        layer_(run.program.chain.layers[index]),
        conv_(run.schedule.layers[index].conv),
        pool_(run.schedule.layers[index + 1].pool),
        band_(band_of(conv_)),
        kept_(scratch),
        scratch_(scratch + band_floats(layer_, conv_)) {
    part_.image = run.at(layer_.source);
    part_.out = kept_;
    part_.out_plane = band_.plane;
    part_.end = layer_.weights.rows;
    result_ = run.at(run.program.chain.activation_count + index + 1);
  }

  void compute(int32_t begin, int32_t end) {
    for (int32_t band = begin; band < end; ++band) {
      const int32_t top = band * band_.rows, left = pool_.out.height - top;
      const int32_t rows = left < band_.rows ? left : band_.rows;
      LTH_MARK(pool);
      if (band > begin) keep_last_row();
      else if (top > 0) convolve(top, 2 * top - band_.lead, 2 * top);
      convolve(top, 2 * top, 2 * (top + rows));
      LTH_MARK(pool);
      const int64_t width = conv_.out.width, out_plane = static_cast<int64_t>(pool_.out.height) * pool_.out.width;
      set_.halve_rows(pool_,
                      {kept_ + band_.lead * width, band_.plane, result_ + static_cast<int64_t>(top) * pool_.out.width,
                       out_plane, rows, top > 0, layer_.weights.rows});
    }
  }

 private:
  // Rows begin .. end of the convolution, of which a tile begins with the first, for the band of the pool's row `top`.
  void convolve(int32_t top, int32_t begin, int32_t end) {
    part_.out_first = 2 * top - band_.lead;
    for (part_.tile = begin / conv_.tiling.rows; part_.tile * conv_.tiling.rows < end; ++part_.tile)
      set_.convolve(conv_, part_, scratch_);
  }

  void keep_last_row() {
    const int64_t width = conv_.out.width, last = band_.plane - width, before = (band_.lead - 1) * width;
    for (int32_t channel = 0; channel < layer_.weights.rows; ++channel) {
      float* const plane = kept_ + static_cast<int64_t>(channel) * band_.plane;
      __builtin_memcpy(plane + before, plane + last, static_cast<size_t>(width) * sizeof(float));
    }
  }

  const InstructionSet& set_;
  const Layer& layer_;
  const ConvPlan& conv_;
  const PoolPlan& pool_;
  const Band band_;
  float* const kept_;  // [rows, lead + 2 x rows of a band, width]
  float* const scratch_;
  ConvPart part_ = {};
  float* result_;
};

}  // namespace

bool run_pooled(const ImageRun& run, int32_t index) {
  const Layer& layer = run.program.chain.layers[index];
  const ConvPlan& plan = run.schedule.layers[index].conv;
  const int32_t bands =
      static_cast<int32_t>(quotient_up(run.schedule.layers[index + 1].pool.out.height, band_of(plan).rows));
  const auto compute = [&](int32_t begin, int32_t end, float* scratch) {
    PooledBands(run, index, scratch).compute(begin, end);
  };
  const double work = static_cast<double>(layer.weights.nnz) * plan.strips * plan.strip_floats * plan.tiles;
  return run_chunks(run.program, run.call.host, chunks_of(run.program, work, bands), bands, pooled_floats(layer, plan),
                    run.scratch, compute);
}

}  // namespace lth
