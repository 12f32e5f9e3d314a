"""Whole numbers in few bytes: seven bits a byte, the lowest first, the highest bit set before the last."""

from collections.abc import Iterable

from lth_edge.errors import DamagedError

MEND = "copy the file again or make it anew"
UPGRADE = "upgrade lth-edge"
_MOST_BYTES = 9  # 63 bits


class Writer:
    """Numbers and texts, one behind the other."""

    def __init__(self) -> None:
        self.content = bytearray()

    def numbers(self, *values: int) -> None:
        for value in values:
            rest = value
            while rest > 127:
                self.content.append(rest & 127 | 128)
                rest >>= 7
            self.content.append(rest)

    def rising(self, values: Iterable[int]) -> None:
        """Numbers that never fall, as the steps between them."""
        before = 0
        for value in values:
            self.numbers(value - before)
            before = value

    def steps(self, steps: Iterable[int]) -> None:
        """Numbers that may be negative: twice as large, and one less where they are."""
        self.numbers(*(2 * step if step >= 0 else -2 * step - 1 for step in steps))

    def text(self, text: str) -> None:
        encoded = text.encode()
        self.numbers(len(encoded))
        self.content += encoded


class Reader:
    """Reads what a `Writer` wrote.

    Raises:
        DamagedError: from every method, where the bytes are no such thing.
    """

    def __init__(self, content: bytes, at: int = 0) -> None:
        self._content = content
        self.at = at

    def number(self, most: int = 2**62) -> int:
        """The next number, `most` at most."""
        value = shift = 0
        for _ in range(_MOST_BYTES):
            (byte,) = self.take(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                if value > most or (byte == 0 and shift > 7):
                    break
                return value
        raise DamagedError(f"a number in its listing is out of range: {value}", MEND)

    def rising(self, count: int, most: int) -> list[int]:
        values, value = [], 0
        for _ in range(count):
            value += self.number(most - value)
            values.append(value)
        return values

    def steps(self, count: int) -> list[int]:
        numbers = (self.number() for _ in range(count))
        return [number >> 1 if number & 1 == 0 else -(number + 1 >> 1) for number in numbers]

    def text(self) -> str:
        try:
            return self.take(self.number(1 << 16)).decode()
        except UnicodeDecodeError as error:
            raise DamagedError("a name in its listing is not a text", MEND) from error

    def take(self, count: int) -> bytes:
        if count > len(self._content) - self.at:
            raise DamagedError("its listing ends too early", MEND)
        self.at += count
        return self._content[self.at - count : self.at]

    def rest(self) -> bytes:
        return self.take(len(self._content) - self.at)


def require(holds: bool, wrong: str) -> None:
    """Raise a `DamagedError` that says what is wrong, unless it holds."""
    if not holds:
        raise DamagedError(wrong, MEND)
