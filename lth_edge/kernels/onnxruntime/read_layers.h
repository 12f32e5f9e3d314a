// The attributes that describe the layers of a chain, one or more entries a layer.
#pragma once

#include "attributes.h"

namespace lth::ort {

// Fills in all of `layers` but their weights and biases; has_bias[i] says whether layer i has one.
bool read_layers(const Node& node, Host* host, bool linear, int32_t spatial, Array<Layer>& layers,
                 Array<int64_t>& has_bias, Message& error);

}  // namespace lth::ort
