"""All sparse weights of a network as one stream of bits, each symbol in the fewer bits, the more frequent it is.

The weights stand one behind the other, each flattened row by row or column by column, whichever says less. What is
kept is told by its *distance* from the kept number before it, of whatever weight (the first from place -1), and by its
value. The symbol of a distance is that less 1; the symbol of a value is its place in the weight's *book*, the most
frequent first. Each weight has a prefix code for its distances and one for its values. A distance beyond the widest is
bridged by fillers, which advance by the widest and keep nothing; their symbol comes behind that of the widest.

After Han et al., "Deep Compression" (2016), sections 2 and 4.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lth_edge.sparse.bit_planes import Bits, from_planes, to_planes
from lth_edge.sparse.limit import symbol_bits
from lth_edge.sparse.prefix_code import Numbers, PrefixCode
from lth_edge.ticket import Array

_LONGEST = (12, 8, 9, 10, 11, 13, 16)
"""Bits of a distance's codeword that are tried, with the first of them all of `_WIDEST`."""
_LONGEST_VALUE = (1, 2, 3, 4, 5, 6, 8, 12)
_WIDEST = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_LIMIT_BITS = 10  # of a limit in a file, about
_CALL_BITS = 320  # of what reads up to four bits of each symbol
_MOST_VALUES = 1 << 8

MOST_WEIGHTS = 1 << 28
"""Of all that a stream holds, kept or not."""

MOST_SYMBOLS = 1 << 17
"""Distances of a stream: ONNX Runtime takes about 1.6 KB for each while it loads the file."""


@dataclass(frozen=True)
class Layout:
    """How a weight is flattened; `by_column`: its first axis runs fastest, else its last."""

    shape: tuple[int, ...]
    by_column: bool

    @classmethod
    def of(cls, mask: Array) -> "Layout":
        """The one whose distances say less."""
        both = [cls(mask.shape, False), cls(mask.shape, True)]
        return min(both, key=lambda layout: symbol_bits(np.bincount(np.diff(np.flatnonzero(layout.flat(mask))))))

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def flat(self, array: Array) -> Array:
        return array.ravel("F" if self.by_column else "C")

    def shaped(self, flat: Array) -> Array:
        return flat.reshape(self.shape, order="F" if self.by_column else "C")


@dataclass(frozen=True, eq=False)
class WeightStream:
    """Attributes:
    layouts: of the weights, in order.
    books: of each weight its different values, float32.
    widest: distance; 0 where there are no fillers.
    counts: [weights] distances of each, fillers among them; it has as many values, of a filler any.
    distance_limits, value_limits: [longest codeword, weights] of the codes.
    planes: of the distances of all weights, then of all values, see `lth_edge.sparse.bit_planes`; eight bits a byte,
        the first in the highest place, zeros up to the end of the last one; a byte at least.
    """

    layouts: tuple[Layout, ...]
    books: tuple[Array, ...]
    widest: int
    counts: Numbers
    distance_limits: Numbers
    value_limits: Numbers
    planes: npt.NDArray[np.uint8]

    @classmethod
    def smallest(cls, weights: Sequence[Array], masks: Sequence[Array]) -> "WeightStream":
        """The stream of the fewest bytes.

        Args:
            weights: each `can_be_coded`.
            masks: of the same shapes, true where kept.
        """
        layouts = tuple(map(Layout.of, masks))
        distances, kept = _kept(layouts, weights, masks)
        books = tuple(map(_book, kept))
        symbols = [_places(book, values) for book, values in zip(books, kept, strict=True)]
        furthest = max(int(run.max()) for run in distances)
        offered = [widest for widest in _WIDEST if widest < furthest] + [furthest] * (furthest <= _WIDEST[-1])
        widest = min(offered, key=lambda limit: _Coded.of([_steps(run, limit) for run in distances], _LONGEST[0]).bits)
        steps = _Coded.smallest([_steps(run, widest) for run in distances], _LONGEST)
        filled = [_filled(*each, widest) for each in zip(symbols, distances, strict=True)]
        values = _Coded.smallest(filled, _LONGEST_VALUE)
        counts = np.array([run.size for run in filled], np.int64)
        planes = _bytes(steps.planes, values.planes)
        return cls(layouts, books, widest if widest < furthest else 0, counts, steps.limits, values.limits, planes)

    def weights(self) -> tuple[list[Array], list[Array]]:
        """The dense weights, and their masks, true where kept.

        Raises:
            ValueError: the stream contradicts itself.
        """
        distances, values = self._symbols()
        sizes = np.cumsum([layout.size for layout in self.layouts])
        kept = distances < self.widest if self.widest else np.ones(distances.size, np.bool_)
        places = np.cumsum(np.where(kept, distances + 1, self.widest)) - 1
        if places[-1] >= sizes[-1]:
            raise ValueError("it goes on behind its last weight")
        mask, flat = np.zeros(sizes[-1], np.bool_), np.zeros(sizes[-1], np.float32)
        mask[places[kept]] = True
        firsts = np.cumsum([0, *map(len, self.books)])[:-1]
        flat[mask] = np.concatenate(self.books)[values + np.repeat(firsts, self.counts)][kept]
        return self._shaped(np.split(flat, sizes[:-1])), self._shaped(np.split(mask, sizes[:-1]))

    def planes_of(self, weights: Sequence[Array], masks: Sequence[Array]) -> Bits:
        """The planes of other weights, written with the codes of this stream: given its own, its own.

        Raises:
            ValueError: they are not of its shapes, or hold what its codes cannot say.
        """
        if [mask.shape for mask in masks] != [layout.shape for layout in self.layouts]:
            raise ValueError("they have other shapes")
        distances, kept = _kept(self.layouts, weights, masks)
        values = [_places(book, numbers) for book, numbers in zip(self.books, kept, strict=True)]
        widest = self.widest or max(int(run.max(initial=1)) for run in distances)
        steps = _planes([_steps(run, widest) for run in distances], self.distance_limits)
        filled = [_filled(*each, widest) for each in zip(values, distances, strict=True)]
        return _bytes(steps, _planes(filled, self.value_limits))

    def _symbols(self) -> tuple[Numbers, Numbers]:
        bits = np.unpackbits(self.planes)
        distances, read = from_planes(bits, self.counts, self.distance_limits)
        values, more = from_planes(bits[read:], self.counts, self.value_limits)
        if self.planes.size != max(1, -(-(read + more) // 8)) or bits[read + more :].any():
            raise ValueError("it goes on behind its last symbol")
        if (values >= np.repeat([len(book) for book in self.books], self.counts)).any():
            raise ValueError("it has a value that is not in its book")
        if (distances > sum(layout.size for layout in self.layouts)).any():
            raise ValueError("it has a distance beyond its weights")
        return distances, values

    def _shaped(self, parts: list[Array]) -> list[Array]:
        return [layout.shaped(part) for layout, part in zip(self.layouts, parts, strict=True)]


def can_be_coded(weight: Array, mask: Array) -> bool:
    """Whether a stream can hold it: float32, something kept, up to 256 different values, equal ones the same bits."""
    if weight.dtype != np.float32 or not mask.any():
        return False
    values = weight[mask]
    different = np.unique(values.view(np.uint32)).size
    return different <= _MOST_VALUES and different == np.unique(values).size and not np.isnan(values).any()


@dataclass(frozen=True, eq=False)
class _Coded:
    """Runs of symbols, each in the best code of a longest codeword."""

    limits: Numbers
    planes: Bits

    @classmethod
    def of(cls, runs: Sequence[Numbers], longest: int) -> "_Coded":
        codes = [PrefixCode.fit(np.bincount(run), longest) for run in runs]
        return cls(np.stack([code.limits for code in codes], axis=1), to_planes(runs, codes))

    @classmethod
    def smallest(cls, runs: Sequence[Numbers], longest: Sequence[int]) -> "_Coded":
        """Of the longest codewords that tell all symbols apart."""
        most = max(int(run.max()) for run in runs)
        return min((cls.of(runs, bits) for bits in longest if most < 1 << bits), key=lambda coded: coded.bits)

    @property
    def bits(self) -> int:
        """In a file, those of the decoder's levels included."""
        fours, ones = divmod(len(self.limits), 4)
        return self.planes.size + self.limits.size * _LIMIT_BITS + (fours + ones) * _CALL_BITS


def _kept(
    layouts: Sequence[Layout], weights: Sequence[Array], masks: Sequence[Array]
) -> tuple[list[Numbers], list[Array]]:
    """Of each weight the distances of what is kept, and its values."""
    kept = [layout.flat(mask) for layout, mask in zip(layouts, masks, strict=True)]
    values = [layout.flat(weight)[flags] for layout, weight, flags in zip(layouts, weights, kept, strict=True)]
    distances = np.diff(np.flatnonzero(np.concatenate(kept)), prepend=-1)
    return np.split(distances, np.cumsum([run.size for run in values])[:-1]), values


def _bytes(*planes: Bits) -> npt.NDArray[np.uint8]:
    bits = np.concatenate(planes)
    return np.packbits(bits if bits.size else np.zeros(1, np.uint8))


def _planes(runs: Sequence[Numbers], limits: Numbers) -> Bits:
    if any(int(run.max()) >> len(limits) for run in runs):
        raise ValueError("they have a symbol that is not in its code")
    return to_planes(runs, [PrefixCode(limit, int(run.max()) + 1) for run, limit in zip(runs, limits.T, strict=True)])


def _book(values: Array) -> Array:
    """The different values, the most frequent first."""
    rising, counts = np.unique(values, return_counts=True)
    return rising[np.argsort(-counts, kind="stable")]


def _places(book: Array, values: Array) -> Numbers:
    """The place of each value in a book.

    Raises:
        ValueError: one is not in it.
    """
    order = np.argsort(book)
    places = order[np.minimum(np.searchsorted(book, values, sorter=order), book.size - 1)]
    if (book[places] != values).any():
        raise ValueError("they have a value that is not in its book")
    return places


def _steps(distances: Numbers, widest: int) -> Numbers:
    """The symbols of distances, fillers among them."""
    return _filled(distances - 1 - _fillers(distances, widest) * widest, distances, widest, widest)


def _filled(symbols: Numbers, distances: Numbers, widest: int, filler: int = 0) -> Numbers:
    """One symbol a kept weight, those of the fillers before it in between."""
    kept_at = np.cumsum(_fillers(distances, widest) + 1) - 1
    filled = np.full(kept_at[-1] + 1, filler, np.int64)
    filled[kept_at] = symbols
    return filled


def _fillers(distances: Numbers, widest: int) -> Numbers:
    return (distances - 1) // widest
