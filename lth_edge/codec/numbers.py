"""The numbers of a tensor as the coder's words, and back, bit for bit.

A number becomes a sign and a magnitude, by its bits and never by its value, so that NaN and a negative zero come back
as they were. Where few numbers are in use (a codebook, and int8 often), a word is an index into a palette; else what
all magnitudes have in common is taken off: the smallest, and zeros at the low end.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lth_edge.codec.symbols import Words
from lth_edge.codec.varints import MEND, Reader, Writer
from lth_edge.errors import DamagedError
from lth_edge.ticket import Array

DTYPES = tuple(map(np.dtype, ("<f4", "<f2", "|i1", "|u1")))
_MAGNITUDE_BITS = (31, 15, 8, 8)
_MOST_COLOURS = 256
_AT_ONCE = 1 << 16  # words, so that what stands between words and numbers takes little memory
_PALETTE, _SAME = 4, 8
_MAGNITUDE, _NEGATIVE = np.uint32(0x7FFFFFFF), np.uint32(31)


@dataclass(frozen=True)
class NumberForm:
    """How words stand for numbers.

    Attributes:
        dtype: of the numbers, a place in `DTYPES`.
        palettes: magnitudes of positive and of negative numbers, rising; `None` where words are magnitudes.
        least: taken off every magnitude.
        shift: zero bits taken off behind that.
    """

    dtype: int
    palettes: tuple[list[int], list[int]] | None = None
    least: int = 0
    shift: int = 0

    @classmethod
    def of(cls, numbers: Array) -> "NumberForm":
        """The form that takes the fewest bits, by a rough count."""
        words = _words(numbers)
        dtype = DTYPES.index(numbers.dtype)
        magnitudes = words & _MAGNITUDE
        if words.size == 0:
            return cls(dtype)
        least = int(magnitudes.min())
        shift = _zero_bits(magnitudes - np.uint32(least))
        wide = (int(magnitudes.max()) - least >> shift).bit_length()
        palettes = tuple(np.unique(magnitudes[words >> _NEGATIVE == sign]).tolist() for sign in (0, 1))
        colours = max(map(len, palettes))
        narrow = max(colours - 1, 0).bit_length()
        cost = (8 * numbers.itemsize * sum(map(len, palettes)) + words.size * narrow) / words.size
        if colours <= _MOST_COLOURS and cost < 0.8 * wide:
            return cls(dtype, (palettes[0], palettes[1]))
        return cls(dtype, None, least, shift)

    def encode(self, numbers: Array) -> Words:
        words = _words(numbers)
        signs, magnitudes = words >> _NEGATIVE, words & _MAGNITUDE
        if self.palettes is None:
            return signs << _NEGATIVE | (magnitudes - np.uint32(self.least)) >> np.uint32(self.shift)
        places = [np.searchsorted(palette, magnitudes) for palette in self.palettes]
        return signs << _NEGATIVE | np.where(signs == 1, places[1], places[0]).astype(np.uint32)

    def nearest(self, numbers: Array) -> Words:
        """Words for the numbers nearest to these, which are of the same type; magnitudes may come out too large."""
        words = _words(numbers)
        signs, magnitudes = words >> _NEGATIVE, (words & _MAGNITUDE).astype(np.int64)
        if self.palettes is None:
            near = np.maximum(magnitudes - self.least, 0) >> self.shift
        else:
            places = [_nearest_place(np.array(palette, np.int64), magnitudes) for palette in self.palettes]
            near = np.where(signs == 1, places[1], places[0])
        return signs << _NEGATIVE | near.astype(np.uint32)

    def decode(self, words: Words) -> Array:
        """The numbers.

        Raises:
            DamagedError: a word stands for none.
        """
        numbers = np.empty(words.size, DTYPES[self.dtype])
        self.decode_into(numbers, words)
        return numbers

    def decode_into(self, numbers: Array, words: Words) -> None:
        """The same where there is room for them, in a type that holds them."""
        for start in range(0, words.size, _AT_ONCE):
            numbers[start : start + _AT_ONCE] = self._decode(words[start : start + _AT_ONCE])

    def _decode(self, words: Words) -> Array:
        signs, magnitudes = words >> _NEGATIVE, (words & _MAGNITUDE).astype(np.int64)
        if self.palettes is None:
            magnitudes = (magnitudes << self.shift) + self.least
        else:
            magnitudes = _look_up(self.palettes, signs, magnitudes)
        if np.any(magnitudes >> _MAGNITUDE_BITS[self.dtype]):
            raise DamagedError("a coded weight is out of range", MEND)
        return _numbers(signs, magnitudes.astype(np.uint32), self.dtype)

    def write(self, writer: Writer) -> None:
        if self.palettes is None:
            writer.numbers(self.dtype, self.least, self.shift)
            return
        same = self.palettes[0] == self.palettes[1]
        written = self.palettes[:1] if same else self.palettes
        shift = _zero_bits(np.array([m for palette in written for m in palette], np.uint32))
        writer.numbers(self.dtype | _PALETTE | _SAME * same, shift)
        for palette in written:
            writer.numbers(len(palette))
            writer.rising([magnitude >> shift for magnitude in palette])

    @classmethod
    def read(cls, reader: Reader) -> "NumberForm":
        flags = reader.number(15)
        dtype = flags & 3
        if not flags & _PALETTE:
            return cls(dtype, None, reader.number(2**31 - 1), reader.number(31))
        shift = reader.number(31)
        read = [cls._read_palette(reader, shift) for _ in range(1 if flags & _SAME else 2)]
        return cls(dtype, (read[0], read[-1]))

    @staticmethod
    def _read_palette(reader: Reader, shift: int) -> list[int]:
        count = reader.number(_MOST_COLOURS)
        return [magnitude << shift for magnitude in reader.rising(count, (2**31 - 1) >> shift)]


def _words(numbers: Array) -> Words:
    """Signs in the highest bit, magnitudes below."""
    if numbers.dtype == np.dtype("<f4"):
        return numbers.view(np.uint32)
    if numbers.dtype == np.dtype("<f2"):
        bits = numbers.view(np.uint16).astype(np.uint32)
        return (bits >> np.uint32(15)) << _NEGATIVE | bits & np.uint32(0x7FFF)
    return np.abs(numbers.astype(np.int32)).astype(np.uint32) | (numbers < 0).astype(np.uint32) << _NEGATIVE


def _numbers(signs: Words, magnitudes: Words, dtype: int) -> Array:
    if dtype == 0:
        return (signs << _NEGATIVE | magnitudes).view(DTYPES[0])
    if dtype == 1:
        return (signs << np.uint32(15) | magnitudes).astype(np.uint16).view(DTYPES[1])
    values = np.where(signs == 1, -magnitudes.astype(np.int32), magnitudes.astype(np.int32))
    numbers = values.astype(DTYPES[dtype])
    if np.any(numbers != values):
        raise DamagedError("a coded weight is out of range", MEND)
    return numbers


def _look_up(palettes: tuple[list[int], list[int]], signs: Words, places: npt.NDArray[np.int64]) -> Array:
    lengths = np.array([len(palette) for palette in palettes])
    if np.any(places >= lengths[signs]):
        raise DamagedError("a coded weight is beyond its palette", MEND)
    joined = np.array([*palettes[0], *palettes[1]], np.int64)
    return joined[places + np.where(signs == 1, lengths[0], 0)]


def _nearest_place(palette: npt.NDArray[np.int64], magnitudes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The place of the nearest magnitude, of two as near the first; 0 where there is none at all."""
    if palette.size == 0:
        return np.zeros(magnitudes.size, np.int64)
    middles = (palette[1:] + palette[:-1]) >> 1
    return np.searchsorted(middles, magnitudes).astype(np.int64)


def _zero_bits(magnitudes: Words) -> int:
    """Low bits that are zero in all of them."""
    used = int(np.bitwise_or.reduce(magnitudes, initial=0))
    return (used & -used).bit_length() - 1 if used else 0
