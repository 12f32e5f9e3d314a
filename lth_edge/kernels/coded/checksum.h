// CRC-32 as zlib has it, half a byte at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lth::coded {

inline uint32_t checksum(const uint8_t* bytes, size_t size) {
  static constexpr uint32_t of_half[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                           0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                           0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
  uint32_t rest = UINT32_MAX;
  for (size_t i = 0; i < size; ++i) {
    rest ^= bytes[i];
    rest = rest >> 4 ^ of_half[rest & 15];
    rest = rest >> 4 ^ of_half[rest & 15];
  }
  return ~rest;
}

}  // namespace lth::coded
