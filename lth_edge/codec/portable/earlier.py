"""What an earlier version of a matrix tells of the new one; see kernels/codec/earlier_model.h."""

from lth_edge.codec.portable.mixing import OPINIONS, Counters, Mixer, doubt, level, share
from lth_edge.codec.portable.places import Place, cell_of, sign, size
from lth_edge.codec.portable.range_coder import RangeDecoder, RangeEncoder

_EVEN = 32768
EARLIER_RATE = 600
"""By how much the weights of opinions on values learn."""


class EarlierModel:
    """Small weights are pruned first, and the others change little."""

    def __init__(self) -> None:
        self._kept: list[Counters] = [{} for _ in range(4)]
        self._signs: list[Counters] = [{} for _ in range(2)]
        self._magnitudes: list[Counters] = [{} for _ in range(2)]
        self._kept_weights = [16384] * OPINIONS
        self._value_weights = [[19661] * OPINIONS for _ in range(1 + 31)]

    def doubt(self) -> None:
        for counters in (*self._kept, *self._signs, *self._magnitudes):
            doubt(counters)

    def code_kept(self, coder: RangeEncoder | RangeDecoder, kept: int, mixer: Mixer, place: Place, prior: int) -> int:
        """Code whether a weight that was kept still is; `prior` is the share of those that are."""
        row, was = place.row, _size(place)
        row_level = level(share(row.kept, row.candidates, prior, 8))
        mixer.add(self._kept[0], _fine_size(place), prior)
        mixer.add(self._kept[1], was * 32 + row_level, prior)
        mixer.add(self._kept[2], was * 32 + place.columns.level[place.c], prior)
        mixer.add(self._kept[3], was * 8 + row.recent, prior)
        kept = mixer.code(coder, kept, self._kept_weights, 120)
        row.candidates += 1
        row.recent = (row.recent << 1 | kept) & 7
        return kept

    def add_sign(self, mixer: Mixer, place: Place) -> list[int]:
        """Ask on a sign; the weights of all opinions."""
        negative = _word(place) >> 31
        mixer.add(self._signs[0], _fine_size(place) * 2 + negative, _EVEN)
        mixer.add(self._signs[1], _size(place) * 8 + sign(place.row.last) * 2 + negative, _EVEN)
        return self._value_weights[0]

    def add_magnitude(self, mixer: Mixer, place: Place, node: int, negative: int, depth: int) -> list[int]:
        """Ask on bit `depth` of a magnitude, whose bits before it `node` holds; the weights of all opinions."""
        rest = place.columns.outline.magnitude_bits - depth
        was = _magnitude(place)
        off = node - (1 << depth) - (was >> rest)
        apart = min(max(off, -2), 2) + 2
        coming = (was << 3 >> rest) & 7
        at = depth * 5 + apart
        turned = negative != _word(place) >> 31
        mixer.add(self._magnitudes[0], (at * 8 + coming) * 2 + turned, _EVEN)
        mixer.add(self._magnitudes[1], (at * 4 + coming // 2) * 32 + _size(place), _EVEN)
        return self._value_weights[1 + depth]


def _word(place: Place) -> int:
    return place.earlier[place.c]


def _magnitude(place: Place) -> int:
    """As many bits as the new one has, whatever a caller put there."""
    return min(_word(place) & 0x7FFFFFFF, (1 << place.columns.outline.magnitude_bits) - 1)


def _size(place: Place) -> int:
    return size(cell_of(_magnitude(place), place.columns.outline.magnitude_bits))


def _fine_size(place: Place) -> int:
    """The upper 8 bits of the magnitude that it had."""
    return _magnitude(place) >> max(place.columns.outline.magnitude_bits - 8, 0)
