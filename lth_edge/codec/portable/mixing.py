"""Counters and the mixing of their opinions, in whole numbers; see kernels/codec/logistic.h and mixer.h."""

from lth_edge.codec.portable.range_coder import RangeDecoder, RangeEncoder

_MOST_ODDS = 2047
_MOST_SEEN = 1000
_MOST_WEIGHT = 64 << 16
_DOUBTED = 8
OPINIONS = 12
"""The most that are mixed on one bit."""

# 65536 / (1 + exp(-x)) for x from -8 to 8 in steps of 1/2.
_KNOTS = (
    *(22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768),
    *(40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514),
)


def _between_knots(odds: int) -> int:
    knot, rest = divmod(odds + 2048, 128)
    return (_KNOTS[knot] * (128 - rest) + _KNOTS[knot + 1] * rest + 64) >> 7


def _stretched() -> list[int]:
    odds, stretched = -_MOST_ODDS, []
    for p in range(8, 65536, 16):
        while odds < _MOST_ODDS and _between_knots(odds) < p:
            odds += 1
        stretched.append(odds)
    return stretched


_SQUASHED = [_between_knots(odds) for odds in range(-_MOST_ODDS, _MOST_ODDS + 1)]
_STRETCHED = _stretched()
_RATES = [131072 // (2 * seen + 3) for seen in range(_MOST_SEEN + 1)]

Counters = dict[int, int]
"""Context -> 22 bits of probability and 10 of how many bits it has seen; none where it has not begun."""


def level(p: int) -> int:
    """Log odds in steps of 1/2, from 0 to 31: a probability as a context."""
    return (_STRETCHED[p >> 4] + 2048) >> 7


def share(count: int, seen: int, prior: int, weight: int) -> int:
    """A share of 16 bits: `count` of `seen`, and `weight` more that have the share `prior`."""
    return min(max(((count << 16) + weight * prior) // (seen + weight), 24), 65000)


def doubt(counters: Counters) -> None:
    """Keep the probabilities, but learn fast again."""
    for context, state in counters.items():
        if state & 1023 > _DOUBTED:
            counters[context] = state & ~1023 | _DOUBTED


class Mixer:
    """Mixes the opinions of counters on one bit, then lets all of them learn it."""

    def __init__(self) -> None:
        self._opinions: list[tuple[Counters, int, int, int]] = []

    def add(self, counters: Counters, context: int, prior: int) -> None:
        """Ask a counter; one that has not begun begins with the probability `prior`."""
        state = counters.get(context) or prior << 16 | 2
        self._opinions.append((counters, context, state, _STRETCHED[state >> 20]))

    def code(self, coder: RangeEncoder | RangeDecoder, bit: int, weights: list[int], rate: int) -> int:
        """Code a bit with the mixed probability.

        Args:
            weights: how much each opinion counts, 65536 for once; they learn too.
            rate: by how much they do.
        """
        odds = sum(weight * opinion[3] for weight, opinion in zip(weights, self._opinions, strict=False)) >> 16
        p = _SQUASHED[min(max(odds, -_MOST_ODDS), _MOST_ODDS) + _MOST_ODDS]
        bit = coder.bit(bit, p)
        step = ((bit << 16) - p) * rate >> 10
        wanted = (1 << 22) - 1 if bit else 0
        for place, (counters, context, state, said) in enumerate(self._opinions):
            weights[place] = min(max(weights[place] + (said * step >> 14), -_MOST_WEIGHT), _MOST_WEIGHT)
            seen, before = state & 1023, state >> 10
            moved = before + ((wanted - before) * _RATES[seen] >> 16)
            counters[context] = moved << 10 | min(seen + 1, _MOST_SEEN)
        self._opinions.clear()
        return bit
