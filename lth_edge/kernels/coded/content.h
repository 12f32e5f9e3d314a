// The parts of coded weights: ../OPERATORS.md, "Coded weights", has the bytes.
#pragma once

#include "../layers/message.h"
#include "numbers.h"

namespace lth::coded {

// Bytes of a file, whose checksum is right; nothing else is said of them.
struct Content {
  bool best;           // all contexts are used
  Numbers attributes;  // of the node
  Numbers heads;       // of the matrices
  const uint8_t* stream;
  size_t stream_size;
  size_t size;  // of everything
};

// False and an error where the bytes are no such thing.
bool open(const uint8_t* bytes, size_t size, Content& content, Message& error);

}  // namespace lth::coded
