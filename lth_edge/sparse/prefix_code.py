"""Prefix codes whose table is a few numbers: the smaller a symbol, the shorter its codeword.

Symbols are whole numbers from 0 on. Their codewords are canonical: of each length the next ones in order, so that
how many there are of each length says all. The lengths are the best ones up to a longest, after Larmore & Hirschberg,
"A fast algorithm for optimal length-limited Huffman codes" (1990), for counts that are made to fall first.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PrefixCode:
    """Attributes:
    limits: [longest] how many symbols have codewords of at most 0, 1, 2 ... bits; all have codewords of `longest` bits
        at most. A code of a single symbol takes no bits.
    symbols: how many symbols there are.
    """

    limits: Numbers
    symbols: int

    @classmethod
    def fit(cls, counts: Numbers, longest: int) -> "PrefixCode":
        """The code that takes the fewest bits where symbol i comes `counts[i]` times.

        Args:
            counts: one a symbol, 2^longest of them at most.
        """
        lengths = np.sort(_limited_lengths(_falling(counts.astype(np.float64)), longest))
        return cls(np.searchsorted(lengths, np.arange(longest), "right").astype(np.int64), counts.size)

    def lengths(self) -> Numbers:
        """Bits of each symbol's codeword."""
        return np.searchsorted(self.limits, np.arange(self.symbols), "right").astype(np.int64)

    def codewords(self) -> Numbers:
        """Of each symbol, its last bit in the lowest place."""
        lengths = self.lengths()
        words, word = np.zeros(self.symbols, np.int64), 0
        for symbol in range(1, self.symbols):
            word = (word + 1) << int(lengths[symbol] - lengths[symbol - 1])
            words[symbol] = word
        return words


def _falling(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The closest counts that never rise: where they do, the mean of both sides (pool adjacent violators)."""
    sums: list[float] = []
    sizes: list[int] = []
    for count in counts:
        total, size = float(count), 1
        while sums and sums[-1] / sizes[-1] <= total / size:
            total, size = total + sums.pop(), size + sizes.pop()
        sums.append(total)
        sizes.append(size)
    return np.repeat(np.array(sums) / np.array(sizes), sizes)


def _limited_lengths(weights: npt.NDArray[np.float64], longest: int) -> Numbers:
    """Best lengths of up to `longest` bits for falling weights, by package-merge."""
    rising = weights[::-1]
    if rising.size == 1:
        return np.zeros(1, np.int64)
    rows, merged = [], rising
    for row in range(longest):
        packages = merged[: merged.size // 2 * 2].reshape(-1, 2).sum(axis=1) if row else np.zeros(0)
        both = np.concatenate([rising, packages])
        order = np.argsort(both, kind="stable")
        rows.append(order < rising.size)
        merged = both[order]
    lengths, taken = np.zeros(rising.size, np.int64), 2 * rising.size - 2
    for single in reversed(rows):
        singles = int(np.count_nonzero(single[:taken]))
        lengths[:singles] += 1
        taken = 2 * (taken - singles)
    return lengths[::-1]
