// The functions of the C library that compilers call on their own. The library is linked without one.
#include <stddef.h>
#include <stdint.h>

// Or the loops below become calls of themselves.
#if defined(__clang__)
#define LTH_NO_LIBRARY_CALLS __attribute__((no_builtin))
#else
#define LTH_NO_LIBRARY_CALLS __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

extern "C" {

LTH_NO_LIBRARY_CALLS void* memcpy(void* to, const void* from, size_t bytes) {
  auto* target = static_cast<uint8_t*>(to);
  const auto* source = static_cast<const uint8_t*>(from);
  for (size_t i = 0; i < bytes; ++i) target[i] = source[i];
  return to;
}

LTH_NO_LIBRARY_CALLS void* memmove(void* to, const void* from, size_t bytes) {
  auto* target = static_cast<uint8_t*>(to);
  const auto* source = static_cast<const uint8_t*>(from);
  if (reinterpret_cast<uintptr_t>(target) <= reinterpret_cast<uintptr_t>(source)) return memcpy(to, from, bytes);
  for (size_t i = bytes; i > 0; --i) target[i - 1] = source[i - 1];
  return to;
}

LTH_NO_LIBRARY_CALLS void* memset(void* to, int value, size_t bytes) {
  auto* target = static_cast<uint8_t*>(to);
  for (size_t i = 0; i < bytes; ++i) target[i] = static_cast<uint8_t>(value);
  return to;
}

}  // extern "C"
