// A maximum over a window, or an average over all positions, prepared for one size of image.
#pragma once

#include "columns.h"

namespace lth {

struct PoolPlan {
  Window window;  // padding resolved; as the rest, of a maximum
  Extent in, out;
  Columns columns;  // none where the window has none: each output is then computed by itself
};

inline PoolPlan plan_pool(const Layer& layer, const Window& window, Extent in, Extent out, int32_t lanes,
                          Storage& storage) {
  const bool cut = layer.kind == LayerKind::max_pool && out.width <= widest_cut && has_columns(window);
  return {window, in, out, cut ? cut_columns(window, in.width, out.width, lanes, storage) : Columns{}};
}

}  // namespace lth
