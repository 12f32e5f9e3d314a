// The sizes of a convolution's or pool's output.
#pragma once

#include "../layers/layer.h"

namespace lth {

// The window with auto_pad turned into pads for this input.
Window resolved(const Window& window, Extent in);

// Height and width of what a window with resolved padding gives; false where it does not fit into the input.
bool window_output(const Window& window, Extent in, int32_t& height, int32_t& width);

}  // namespace lth
