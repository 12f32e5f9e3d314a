#include "attributes.h"

namespace lth::ort {

static bool refuse(const char* name, const char* why, Message& error) {
  error << "attribute " << name << " " << why;
  return false;
}

static bool fits(int64_t value) { return value >= INT32_MIN && value <= INT32_MAX; }

static bool narrow(const char* name, int64_t value, int32_t& out, Message& error) {
  if (!fits(value)) return refuse(name, "does not fit 32 bits", error);
  out = static_cast<int32_t>(value);
  return true;
}

static bool has_integer(const Node& node, const char* name, int64_t& value) {
  Message unused;
  if (node.coded == nullptr) {
    return succeeded(node.api, KernelInfoGetAttribute_int64(node.api, node.info, name, &value), unused);
  }
  const coded::Entries<int64_t> found = node.coded->integers(name);
  if (found.size == 1) value = found.numbers[0];
  return found.size == 1;
}

bool read_integer(const Node& node, const char* name, int32_t& out, Message& error) {
  int64_t value = 0;
  if (!has_integer(node, name, value)) return refuse(name, "is missing or not an integer", error);
  return narrow(name, value, out, error);
}

bool read_optional_integer(const Node& node, const char* name, int32_t& out, Message& error) {
  int64_t value = 0;
  return !has_integer(node, name, value) || narrow(name, value, out, error);
}

template <typename Value>
static bool make_room(const char* name, size_t size, Array<Value>& out, Message& error) {
  if (size == 0) return refuse(name, "is missing or of another type", error);
  return out.resize(size) || refuse(name, "does not fit into memory", error);
}

template <typename Value>
static bool copy(const char* name, coded::Entries<Value> found, Array<Value>& out, Message& error) {
  if (!make_room(name, found.size, out, error)) return false;
  for (size_t i = 0; i < found.size; ++i) out[i] = found.numbers[i];
  return true;
}

// A list of another type reads as an empty one.
template <typename Value, typename Read>
static bool read_list(const Node& node, const char* name, Read read, Array<Value>& out, Message& error) {
  Message unused;
  size_t size = 0;
  if (!succeeded(node.api, read(node.api, node.info, name, nullptr, &size), unused)) size = 0;
  if (!make_room(name, size, out, error)) return false;
  return succeeded(node.api, read(node.api, node.info, name, out.data(), &size), error);
}

bool read_integers(const Node& node, const char* name, Array<int64_t>& out, Message& error) {
  const bool read = node.coded == nullptr ? read_list(node, name, KernelInfoGetAttributeArray_int64, out, error)
                                          : copy(name, node.coded->integers(name), out, error);
  for (size_t i = 0; read && i < out.size(); ++i) {
    if (!fits(out[i])) return refuse(name, "does not fit 32 bits", error);
  }
  return read;
}

bool read_floats(const Node& node, const char* name, Array<float>& out, Message& error) {
  return node.coded == nullptr ? read_list(node, name, KernelInfoGetAttributeArray_float, out, error)
                               : copy(name, node.coded->floats(name), out, error);
}

bool expect_entries(const char* name, size_t found, size_t expected, Message& error) {
  if (found == expected) return true;
  error << "attribute " << name << " has " << static_cast<int64_t>(found) << " entries instead of "
        << static_cast<int64_t>(expected);
  return false;
}

}  // namespace lth::ort
