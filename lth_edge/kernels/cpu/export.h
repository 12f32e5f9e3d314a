// What the library shows to those who load it.
#pragma once

#if defined(_WIN32)
#define LTH_EXPORT extern "C" __declspec(dllexport)
#else
#define LTH_EXPORT extern "C" __attribute__((visibility("default")))
#endif
