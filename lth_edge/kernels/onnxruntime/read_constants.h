// The constant inputs of a chain: the weights and biases of its layers.
#pragma once

#include "attributes.h"

namespace lth::ort {

// Points each layer at its tensors, which follow the activations in the node's inputs. O(layers): looks at no element.
bool read_constants(const Node& node, int32_t activations, const Array<int64_t>& has_bias, Array<Layer>& layers,
                    Message& error);

}  // namespace lth::ort
