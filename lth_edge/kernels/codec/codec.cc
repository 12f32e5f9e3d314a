// The coder as C functions. Callers bring all memory; nothing here trusts the bytes that it decodes.
//
// A stream is begun, matrices follow one after the other, and it is finished. Functions that can fail return 0 where
// they do: encoding, the arrays contradict the matrix or the bytes do not fit; decoding, the bytes are damaged. A
// stream that has failed is over.
#include "codec.h"

#include "code_matrix.h"
#include "range_coder.h"

namespace lth::codec {
namespace {

struct Stream {
  Model model;
  RangeEncoder encoder;
  RangeDecoder decoder;
  bool best;
};

Stream& begin(void* memory, int32_t best) {
  __builtin_memset(memory, 0, sizeof(Stream));
  auto& stream = *static_cast<Stream*>(memory);
  stream.model.start();
  stream.best = best != 0;
  return stream;
}

Scratch lay_out(void* memory, int64_t columns) {
  auto* first = static_cast<Column*>(memory);
  auto* cells = reinterpret_cast<Cell*>(first + columns);
  return {first, cells, reinterpret_cast<uint8_t*>(cells + 4 * columns)};
}

template <class Coder>
int32_t code(Stream& stream, Coder& coder, const Matrix& matrix, const Arrays& arrays, const Earlier* earlier,
             void* scratch) {
  if (!possible(matrix) || (earlier != nullptr && !is_earlier(*earlier, matrix))) return 0;
  const Scratch laid_out = lay_out(scratch, matrix.columns);
  if (stream.best) return MatrixCoder<true, Coder>(stream.model, coder, matrix, arrays, earlier, laid_out).run();
  return MatrixCoder<false, Coder>(stream.model, coder, matrix, arrays, earlier, laid_out).run();
}

}  // namespace
}  // namespace lth::codec

using namespace lth::codec;

// Bytes of a stream's memory.
LTH_EXPORT int64_t lth_codec_stream_bytes() { return sizeof(Stream); }

// Bytes of scratch memory for a matrix of so many columns; 0 where there is no such matrix.
LTH_EXPORT int64_t lth_codec_scratch_bytes(int64_t columns) {
  if (columns < 1 || columns > most_columns) return 0;
  return columns * static_cast<int64_t>(sizeof(Column) + 4 * sizeof(Cell)) + most_fed;
}

LTH_EXPORT void lth_encode_begin(void* stream, int32_t best, uint8_t* bytes, int64_t capacity) {
  begin(stream, best).encoder.open(bytes, static_cast<size_t>(capacity));
}

// `earlier`: the matrix in an earlier version; null where there is none.
LTH_EXPORT int32_t lth_encode_matrix(void* stream, const Matrix* matrix, const Arrays* arrays, const Earlier* earlier,
                                     void* scratch) {
  auto& open = *static_cast<Stream*>(stream);
  return code(open, open.encoder, *matrix, *arrays, earlier, scratch);
}

// The bytes that all matrices took; -1 where they do not fit.
LTH_EXPORT int64_t lth_encode_finish(void* stream) {
  RangeEncoder& encoder = static_cast<Stream*>(stream)->encoder;
  encoder.finish();
  return encoder.failed() ? -1 : static_cast<int64_t>(encoder.size());
}

LTH_EXPORT void lth_decode_begin(void* stream, int32_t best, const uint8_t* bytes, int64_t size) {
  begin(stream, best).decoder.open(bytes, static_cast<size_t>(size));
}

LTH_EXPORT int32_t lth_decode_matrix(void* stream, const Matrix* matrix, const Arrays* arrays, const Earlier* earlier,
                                     void* scratch) {
  auto& open = *static_cast<Stream*>(stream);
  return code(open, open.decoder, *matrix, *arrays, earlier, scratch);
}

// Whether all bytes were of use, and no more were wanted.
LTH_EXPORT int32_t lth_decode_finish(void* stream) {
  const RangeDecoder& decoder = static_cast<Stream*>(stream)->decoder;
  return !decoder.failed() && decoder.at_end();
}
