#include "content.h"

#include "checksum.h"

namespace lth::coded {

namespace {

constexpr size_t profile_at = 4, parts_at = 5;  // a checksum comes first

uint32_t little_endian(const uint8_t* bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

// A part and, before it, the number of its bytes.
bool take_part(const uint8_t* bytes, size_t size, size_t& at, Numbers& part) {
  Numbers length(bytes + at, size - at);
  const uint64_t part_size = length.next(size);
  at += length.at();
  if (length.failed() || part_size > size - at) return false;
  part = Numbers(bytes + at, static_cast<size_t>(part_size));
  at += static_cast<size_t>(part_size);
  return true;
}

bool refuse(const char* why, Message& error) {
  error << "its coded weights " << why;
  return false;
}

}  // namespace

bool open(const uint8_t* bytes, size_t size, Content& content, Message& error) {
  if (size <= parts_at) return refuse("end too early", error);
  if (checksum(bytes + profile_at, size - profile_at) != little_endian(bytes))
    return refuse("are damaged: their checksum is wrong", error);
  if (bytes[profile_at] > 1) return refuse("are of a kind that this library does not know", error);
  content.best = bytes[profile_at] == 1;
  content.size = size;
  size_t at = parts_at;
  if (!take_part(bytes, size, at, content.attributes) || !take_part(bytes, size, at, content.heads))
    return refuse("end too early", error);
  content.stream = bytes + at;
  content.stream_size = size - at;
  return true;
}

}  // namespace lth::coded
