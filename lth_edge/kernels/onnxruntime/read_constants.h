// The constant inputs of a chain: the weights and biases of its layers.
#pragma once

#include "../coded/memory.h"
#include "attributes.h"

namespace lth::ort {

// Points each layer at its tensors, which follow the activations in the node's inputs. O(layers): looks at no element.
bool read_constants(const Node& node, int32_t activations, const Array<int64_t>& has_bias, Array<Layer>& layers,
                    Message& error);

// The same of one constant that holds them all coded. O(weights), pruned ones too; `memory` holds what it is decoded
// to.
bool read_coded_constants(const Node& node, Host* host, int32_t activations, const Array<int64_t>& has_bias,
                          Array<Layer>& layers, coded::Memory& memory, Message& error);

}  // namespace lth::ort
