// Memory of a host's that is taken piece by piece and given back at once.
#pragma once

#include "../layers/program.h"

namespace lth::coded {

class Memory {
 public:
  // Null where there is none left. Aligned as for any number.
  void* take(Host* host, size_t bytes) {
    auto* piece = static_cast<Piece*>(host->allocate(host, sizeof(Piece) + bytes));
    if (piece == nullptr) return nullptr;
    piece->before = last_;
    last_ = piece;
    return piece + 1;
  }

  void release(Host* host) {
    while (last_ != nullptr) {
      Piece* piece = last_;
      last_ = piece->before;
      host->release(host, piece);
    }
  }

 private:
  struct alignas(16) Piece {
    Piece* before;
  };

  Piece* last_ = nullptr;
};

}  // namespace lth::coded
