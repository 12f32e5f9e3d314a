"""Codewords turned on their side: the first bit of every symbol, then the second of those that have one, and so on.

So laid out, a whole plane is read at once, with no need to know where one codeword ends: after each plane it is known
which symbols are complete. Of a symbol with `n` bits read, let `s` be how far its codeword lies behind the first one of
`n` bits, plus the number of shorter codewords; `limit` codewords have at most `n` bits. It is complete if `s < limit`,
and then it is symbol `s`. If not, with the next bit it becomes

    s' = limit + 2 (s - limit) + bit = 2 s - limit + bit

since canonical codewords of `n + 1` bits begin behind those of `n` bits, doubled.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lth_edge.sparse.prefix_code import Numbers, PrefixCode

Bits = npt.NDArray[np.uint8]
"""A bit in each."""


def to_planes(runs: Sequence[Numbers], codes: Sequence[PrefixCode]) -> Bits:
    """The planes of several runs of symbols, taken together, each run with a code of its own.

    Args:
        runs: symbols.
        codes: one a run, of the same longest codeword.
    """
    pairs = list(zip(codes, runs, strict=True))
    left = np.concatenate([code.lengths().astype(np.int32)[run] for code, run in pairs])
    words = np.concatenate([code.codewords().astype(np.int32)[run] for code, run in pairs])
    planes = []
    for _ in range(codes[0].limits.size):
        longer = left > 0
        left, words = left[longer] - 1, words[longer]
        planes.append(((words >> left) & 1).astype(np.uint8))
    return np.concatenate(planes)


def from_planes(bits: Bits, counts: Numbers, limits: Numbers) -> tuple[Numbers, int]:
    """The symbols of all runs, one behind the other, and how many bits they take.

    Args:
        counts: [runs] symbols of each.
        limits: [longest codeword, runs] of their codes.

    Raises:
        ValueError: there are too few bits.
    """
    symbols = np.zeros(int(counts.sum()), np.int64)
    begin = 0
    for plane in limits:
        limit = np.repeat(plane, counts)
        places = np.flatnonzero(symbols >= limit)
        end = begin + places.size
        if end > bits.size:
            raise ValueError("it ends before its last symbol")
        symbols[places] = 2 * symbols[places] - limit[places] + bits[begin:end]
        begin = end
    return symbols, begin
