#include "attributes.h"

namespace lth::coded {

namespace {

// In the order of the file.
constexpr const char* names[] = {"activations", "outputs",  "source",   "residual",     "bias",
                                 "activation",  "bounds",   "columns",  "tokens",       "spatial",
                                 "kind",        "channels", "group",    "kernel_shape", "strides",
                                 "dilations",   "pads",     "auto_pad", "input_size",   "tuning"};
constexpr int bounds = 6;  // are floats

bool same(const char* one, const char* other) {
  while (*one != 0 && *one == *other) ++one, ++other;
  return *one == *other;
}

int place_of(const char* name) {
  int place = 0;
  while (place < static_cast<int>(sizeof names / sizeof *names) && !same(names[place], name)) ++place;
  return place;
}

// 0, -1, 1, -2, 2, ... from 0, 1, 2, 3, 4, ...
int64_t with_sign(uint64_t number) { return static_cast<int64_t>(number >> 1) ^ -static_cast<int64_t>(number & 1); }

float as_float(uint32_t bits) {
  union {
    uint32_t bits;
    float value;
  } number = {bits};
  return number.value;
}

}  // namespace

bool Attributes::read(Numbers bytes, Message& error) {
  static_assert(sizeof names / sizeof *names == count, "a name for each");
  if (!integers_.resize(bytes.size()) || !floats_.resize(bytes.size())) {
    error << "no memory for the attributes";
    return false;
  }
  size_t integers = 0, floats = 0;
  for (int place = 0; place < count; ++place) {
    size_[place] = static_cast<size_t>(bytes.next(bytes.size()));
    size_t& next = place == bounds ? floats : integers;
    begin_[place] = next;
    for (size_t i = 0; i < size_[place] && !bytes.failed(); ++i, ++next) {
      if (place == bounds) {
        floats_[next] = as_float(static_cast<uint32_t>(bytes.next(UINT32_MAX)));
      } else {
        integers_[next] = with_sign(bytes.next(INT64_MAX));
      }
    }
  }
  if (!bytes.failed() && bytes.at_end()) return true;
  error << "its coded weights have damaged attributes";
  return false;
}

Entries<int64_t> Attributes::integers(const char* name) const {
  const int place = place_of(name);
  if (place == count || place == bounds) return {nullptr, 0};
  return {integers_.data() + begin_[place], size_[place]};
}

Entries<float> Attributes::floats(const char* name) const {
  if (place_of(name) != bounds) return {nullptr, 0};
  return {floats_.data() + begin_[bounds], size_[bounds]};
}

}  // namespace lth::coded
