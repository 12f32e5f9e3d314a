// The attributes of a node.
#pragma once

#include "../coded/attributes.h"
#include "ort_host.h"

namespace lth::ort {

// Where its weights are coded, so are its attributes.
struct Node {
  const Api* api;
  const KernelInfo* info;
  const coded::Attributes* coded;  // or null
};

// One integer that fits 32 bits.
bool read_integer(const Node& node, const char* name, int32_t& out, Message& error);

// The same of an attribute of the node itself that may be missing: `out` stays as it is then.
bool read_optional_integer(const Node& node, const char* name, int32_t& out, Message& error);

// Integers that fit 32 bits, of any number; false where there are none.
bool read_integers(const Node& node, const char* name, Array<int64_t>& out, Message& error);

bool read_floats(const Node& node, const char* name, Array<float>& out, Message& error);

// Whether there are exactly so many entries.
bool expect_entries(const char* name, size_t found, size_t expected, Message& error);

}  // namespace lth::ort
