"""A binary range coder: probabilities of 16 bits, 32 bits of range; see kernels/codec/range_coder.h."""

_LEAST_RANGE = 1 << 24
_LAST = (1 << 32) - 1


class RangeEncoder:
    """Codes bits into bytes; `bit(bit, p)` codes one whose probability of being 1 is p / 65536 and returns it."""

    decodes = False

    def __init__(self) -> None:
        self._coded = bytearray()
        self._low = 0
        self._range = _LAST

    def bit(self, bit: int, p: int) -> int:
        bound = self._range * p >> 16
        if bit:
            self._range = bound
        else:
            self._low += bound
            self._range -= bound
        while self._range < _LEAST_RANGE:
            self._put_byte()
            self._range <<= 8
        return bit

    def finish(self) -> bytes:
        """The fewest bytes that decode to what was coded, as a decoder reads zeros behind the last."""
        for kept in range(5):
            rest = (1 << (32 - 8 * kept)) - 1
            value = (self._low + rest) & ~rest
            if value < self._low + self._range:
                self._low = value
                self._carry()
                for _ in range(kept):
                    self._put_byte()
                break
        return bytes(self._coded)

    def _put_byte(self) -> None:
        self._carry()
        self._coded.append(self._low >> 24)
        self._low = (self._low & 0xFFFFFF) << 8

    def _carry(self) -> None:
        if self._low >> 32 == 0:
            return
        self._low &= _LAST
        place = len(self._coded) - 1
        while place >= 0:
            self._coded[place] = (self._coded[place] + 1) & 255
            if self._coded[place]:
                return
            place -= 1


class RangeDecoder:
    """Gives back what a `RangeEncoder` coded; the bit that it is given counts for nothing."""

    decodes = True

    def __init__(self, coded: bytes | memoryview) -> None:
        self._coded = coded
        self._at = 0
        self._range = _LAST
        self._code = 0
        for _ in range(4):
            self._code = self._code << 8 | self._next_byte()

    def bit(self, bit: int, p: int) -> int:
        bound = self._range * p >> 16
        if self._code < bound:
            self._range = bound
            bit = 1
        else:
            self._code -= bound
            self._range -= bound
            bit = 0
        while self._range < _LEAST_RANGE:
            self._code = self._code << 8 | self._next_byte()
            self._range <<= 8
        return bit

    @property
    def failed(self) -> bool:
        """Whether it ran out of bytes: four beyond the last are looked at, a fifth would be made up."""
        return self._at > len(self._coded) + 4

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._coded)

    def _next_byte(self) -> int:
        byte = self._coded[self._at] if self._at < len(self._coded) else 0
        self._at += 1
        return byte
