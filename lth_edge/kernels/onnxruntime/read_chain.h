// A chain as the attributes and constant inputs of a node describe it.
#pragma once

#include "../coded/content.h"
#include "../coded/memory.h"
#include "attributes.h"

namespace lth::ort {

constexpr int32_t kMostLayers = 1024;
constexpr int32_t kMostActivations = 64;
constexpr int32_t kMostOutputs = 64;

// What was read of a node, with the memory for it. The constants stay in tensors of onnxruntime's, or, where they were
// coded, in `memory`.
struct ChainFile {
  explicit ChainFile(Host* host) : layers(host), outputs(host), expected(host), tuning(host), attributes(host) {}

  Chain chain = {};
  int32_t spatial = 1;  // axes of an image; of a linear chain 1
  Array<Layer> layers;
  Array<int32_t> outputs;
  Array<Extent> expected;  // one an activation
  Array<int64_t> tuning;   // three a layer, or empty

  coded::Content content = {};  // these three only where weights are coded
  coded::Attributes attributes;
  coded::Memory memory;  // the caller's to release
};

// Where a node's weights are coded: opens them, and `node` has their attributes from then on.
bool open_coded(Node& node, ChainFile& file, Message& error);

// Reads a node of SparseLinear or SparseConv: the types and lengths of all that it reads are right after that. What the
// numbers may be is for lth::check to say.
bool read_chain(const Node& node, Host* host, bool linear, ChainFile& file, Message& error);

// Fills file.expected. The chain has passed lth::check.
bool read_expected(const Node& node, Host* host, ChainFile& file, Message& error);

}  // namespace lth::ort
