#include "attributes.h"

namespace lth::ort {

static bool refuse(const char* name, const char* why, Message& error) {
  error << "attribute " << name << " " << why;
  return false;
}

static bool fits(int64_t value) { return value >= INT32_MIN && value <= INT32_MAX; }

bool read_integer(const Node& node, const char* name, int32_t& out, Message& error) {
  Message unused;
  int64_t value = 0;
  if (!succeeded(node.api, KernelInfoGetAttribute_int64(node.api, node.info, name, &value), unused)) {
    return refuse(name, "is missing or not an integer", error);
  }
  if (!fits(value)) return refuse(name, "does not fit 32 bits", error);
  out = static_cast<int32_t>(value);
  return true;
}

bool read_optional_integer(const Node& node, const char* name, int32_t& out, Message& error) {
  Message unused;
  int64_t value = 0;
  if (!succeeded(node.api, KernelInfoGetAttribute_int64(node.api, node.info, name, &value), unused)) return true;
  if (!fits(value)) return refuse(name, "does not fit 32 bits", error);
  out = static_cast<int32_t>(value);
  return true;
}

// A list of another type reads as an empty one.
template <typename Value, typename Read>
static bool read_list(const Node& node, const char* name, Read read, Array<Value>& out, Message& error) {
  Message unused;
  size_t size = 0;
  if (!succeeded(node.api, read(node.api, node.info, name, nullptr, &size), unused) || size == 0) {
    return refuse(name, "is missing or of another type", error);
  }
  if (!out.resize(size)) return refuse(name, "does not fit into memory", error);
  return succeeded(node.api, read(node.api, node.info, name, out.data(), &size), error);
}

bool read_integers(const Node& node, const char* name, Array<int64_t>& out, Message& error) {
  if (!read_list(node, name, KernelInfoGetAttributeArray_int64, out, error)) return false;
  for (size_t i = 0; i < out.size(); ++i) {
    if (!fits(out[i])) return refuse(name, "does not fit 32 bits", error);
  }
  return true;
}

bool read_floats(const Node& node, const char* name, Array<float>& out, Message& error) {
  return read_list(node, name, KernelInfoGetAttributeArray_float, out, error);
}

bool expect_entries(const char* name, size_t found, size_t expected, Message& error) {
  if (found == expected) return true;
  error << "attribute " << name << " has " << static_cast<int64_t>(found) << " entries instead of "
        << static_cast<int64_t>(expected);
  return false;
}

}  // namespace lth::ort
