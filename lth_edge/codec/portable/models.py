"""The probabilities of masks and values; see kernels/codec/mask_model.h and value_model.h."""

from lth_edge.codec.portable.earlier import EARLIER_RATE, EarlierModel
from lth_edge.codec.portable.mixing import OPINIONS, Counters, Mixer, doubt, level, share
from lth_edge.codec.portable.places import Place, sign, size
from lth_edge.codec.portable.range_coder import RangeDecoder, RangeEncoder

_MODELLED_BITS = 8
_EVEN = 32768

Coder = RangeEncoder | RangeDecoder


class MaskModel:
    """The probability that a weight is kept."""

    def __init__(self, best: bool) -> None:
        self._best = best
        self._counters: list[Counters] = [{} for _ in range(8)]
        self._weights = [[6554] * OPINIONS for _ in range(16)]

    def doubt(self) -> None:
        for counters in self._counters:
            doubt(counters)

    def code(self, coder: Coder, kept: int, mixer: Mixer, place: Place) -> int:
        counters, columns, c = self._counters, place.columns, place.c
        outline, prior = columns.outline, columns.smooth[c]
        row, smooth = place.row.level, columns.smooth_level[c]
        in_block = min(place.row.in_block, 5)
        mixer.add(counters[0], row * 32 + smooth, prior)
        mixer.add(counters[1], place.pattern() * 32 + smooth, prior)
        mixer.add(columns.kept, c, prior)
        if outline.fan:
            mixer.add(counters[2], (in_block * 32 + row) * 32 + place.row.fed_level, prior)
        if self._best or not outline.fan:
            mixer.add(counters[3], (in_block * 32 + row) * 32 + columns.level[c], prior)
        if self._best:
            mixer.add(counters[4], place.pattern_above() * 32 + smooth, prior)
        if self._best and outline.block > 1:
            near, looked_at, _ = place.surroundings()
            local = share(near, looked_at, columns.share[c], 115)
            mixer.add(counters[5], level(local) * 32 + columns.level[c], local)
            mixer.add(counters[6], level(local) * 32 + row, local)
            mixer.add(counters[7], level(local) * 32 + smooth, local)
        return mixer.code(coder, kept, self._weights[self._kind(place)], 120)

    @staticmethod
    def _kind(place: Place) -> int:
        outline = place.columns.outline
        age = sum(place.row.number >= start for start in (1, 8, 64))
        return age * 4 + (outline.block > 1) * 2 + (outline.fan > 0)


class ValueModel:
    """The probability of each bit of a kept weight: its sign, then its magnitude from the highest bit down."""

    def __init__(self, best: bool, earlier: EarlierModel) -> None:
        self._best, self._earlier = best, earlier
        self._signs: list[Counters] = [{} for _ in range(4)]
        self._magnitudes: list[Counters] = [{} for _ in range(6)]
        self._weights = [[13107] * OPINIONS for _ in range(1 + _MODELLED_BITS)]

    def doubt(self) -> None:
        for counters in (*self._signs, *self._magnitudes):
            doubt(counters)

    def code(self, coder: Coder, value: int, mixer: Mixer, place: Place, negatives: Counters) -> int:
        """Code a weight; `negatives` holds what is known of its row's signs."""
        outline = place.columns.outline
        negative = self._code_sign(coder, value >> 31, mixer, place, negatives) if outline.has_signs else 0
        bits, node = outline.magnitude_bits, 1
        for place_of_bit in range(bits):
            bit = value >> (bits - 1 - place_of_bit) & 1
            if place_of_bit < _MODELLED_BITS or place.c in place.earlier:
                bit = self._code_magnitude(coder, bit, mixer, place, node, negative, place_of_bit)
            else:
                bit = coder.bit(bit, _EVEN)
            node = node * 2 + bit
        return negative << 31 | (node - (1 << bits))

    def _code_sign(self, coder: Coder, negative: int, mixer: Mixer, place: Place, negatives: Counters) -> int:
        counters, columns, c = self._signs, place.columns, place.c
        left, above, channel = sign(place.left()), sign(place.up()), sign(place.channel())
        before = sign(columns.last[c]) * 4 + sign(place.above[0][c])
        mixer.add(counters[0], (left * 4 + above) * 4 + sign(place.row.last), _EVEN)
        mixer.add(counters[1], channel * 16 + before, _EVEN)
        mixer.add(columns.negative, c, _EVEN)
        if self._best:
            mixer.add(negatives, 0, _EVEN)
            corners = sign(place.up(-1)) * 4 + sign(place.up(1))
            mixer.add(counters[2], (left * 4 + above) * 16 + corners, _EVEN)
            if columns.outline.block > 1:
                mixer.add(counters[3], (_leaning(place.surroundings()[2]) * 4 + left) * 4 + above, _EVEN)
        if c in place.earlier:
            return mixer.code(coder, negative, self._earlier.add_sign(mixer, place), EARLIER_RATE)
        return mixer.code(coder, negative, self._weights[0], 200)

    def _code_magnitude(
        self, coder: Coder, bit: int, mixer: Mixer, place: Place, node: int, negative: int, depth: int
    ) -> int:
        if depth < _MODELLED_BITS:
            self._add_magnitude(mixer, place, node, negative)
        if place.c in place.earlier:
            weights = self._earlier.add_magnitude(mixer, place, node, negative, depth)
            return mixer.code(coder, bit, weights, EARLIER_RATE)
        return mixer.code(coder, bit, self._weights[1 + depth], 200)

    def _add_magnitude(self, mixer: Mixer, place: Place, node: int, negative: int) -> None:
        counters, columns, c, row = self._magnitudes, place.columns, place.c, place.row
        mixer.add(counters[0], node, _EVEN)
        mixer.add(counters[1], node * 32 + max(size(place.left()), size(place.up())), _EVEN)
        mixer.add(counters[2], node * 32 + columns.level[c], _EVEN)
        if self._best:
            mixer.add(counters[3], node * 32 + size(columns.last[c]), _EVEN)
            mixer.add(counters[4], node * 32 + (row.sizes // row.kept if row.kept else 0), _EVEN)
            mixer.add(counters[5], (node * 2 + negative) * 32 + size(row.last), _EVEN)


def _leaning(signs: int) -> int:
    """The sign of a sum of signs and in which power of two it lies, 0 to 15."""
    amount, power = abs(signs), 0
    while amount > 8 and power < 7:
        amount >>= 1
        power += 1
    return power + (0 if signs > 0 else 8)
