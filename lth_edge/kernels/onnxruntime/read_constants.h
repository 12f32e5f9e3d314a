// The constant inputs of a chain: the weights and biases of its layers.
#pragma once

#include "../coded/content.h"
#include "../coded/memory.h"
#include "attributes.h"

namespace lth::ort {

// Points each layer at its tensors, which follow the activations in the node's inputs. O(layers): looks at no element.
bool read_constants(const Node& node, int32_t activations, const Array<int64_t>& has_bias, Array<Layer>& layers,
                    Message& error);

// The bytes of coded weights, the last input of a node that has no other constants.
bool read_coded(const Node& node, coded::Content& content, Message& error);

// Fills in the constants of the layers from these. O(weights), pruned ones too; `memory` holds what is decoded.
bool read_coded_constants(const Node& node, Host* host, const coded::Content& content, int32_t activations,
                          const Array<int64_t>& has_bias, Array<Layer>& layers, coded::Memory& memory, Message& error);

}  // namespace lth::ort
