// The coder as C functions; what each does stands in codec.cc.
#pragma once

#include "../cpu/export.h"
#include "matrix.h"

LTH_EXPORT int64_t lth_codec_stream_bytes();
LTH_EXPORT int64_t lth_codec_scratch_bytes(int64_t columns);

LTH_EXPORT void lth_encode_begin(void* stream, int32_t best, uint8_t* bytes, int64_t capacity);
LTH_EXPORT int32_t lth_encode_matrix(void* stream, const lth::codec::Matrix* matrix, const lth::codec::Arrays* arrays,
                                     const lth::codec::Earlier* earlier, void* scratch);
LTH_EXPORT int64_t lth_encode_finish(void* stream);

LTH_EXPORT void lth_decode_begin(void* stream, int32_t best, const uint8_t* bytes, int64_t size);
LTH_EXPORT int32_t lth_decode_matrix(void* stream, const lth::codec::Matrix* matrix, const lth::codec::Arrays* arrays,
                                     const lth::codec::Earlier* earlier, void* scratch);
LTH_EXPORT int32_t lth_decode_finish(void* stream);
