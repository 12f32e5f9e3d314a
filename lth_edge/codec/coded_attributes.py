"""The attributes of a node whose weights are coded, as bytes in front of these; kernels/OPERATORS.md is the format."""

from collections.abc import Mapping, Sequence

import numpy as np

from lth_edge.codec.varints import MEND, Reader, Writer
from lth_edge.errors import DamagedError

NAMES = tuple(
    "activations outputs source residual bias activation bounds columns tokens spatial kind channels group "
    "kernel_shape strides dilations pads auto_pad input_size tuning".split()
)
"""In the order of the file."""

SINGLE = frozenset({"activations", "tokens", "spatial"})
"""Attributes of one number; the others are lists."""

_FLOATS = "bounds"
_MOST = 1 << 20  # numbers of all

Attributes = Mapping[str, Sequence[int] | Sequence[float]]


def write_attributes(attributes: Attributes) -> bytes:
    """The bytes of attributes, each a list of numbers; those of `NAMES` that are not there are left out."""
    writer = Writer()
    for name in NAMES:
        numbers = attributes.get(name, ())
        writer.numbers(len(numbers))
        if name == _FLOATS:
            writer.numbers(*np.array(numbers, "<f4").view("<u4").tolist())
        else:
            writer.numbers(*(2 * int(n) if n >= 0 else -2 * int(n) - 1 for n in numbers))
    return bytes(writer.content)


def read_attributes(content: bytes) -> dict[str, list[int] | list[float]]:
    """Read what `write_attributes` wrote.

    Raises:
        DamagedError: the bytes are no such thing.
    """
    reader, found = Reader(content), dict[str, list[int] | list[float]]()
    for name in NAMES:
        count = reader.number(_MOST)
        if name == _FLOATS:
            words = [reader.number(2**32 - 1) for _ in range(count)]
            found[name] = np.array(words, "<u4").view("<f4").tolist()
        else:
            found[name] = [n >> 1 ^ -(n & 1) for n in (reader.number() for _ in range(count))]
    if reader.rest():
        raise DamagedError("the attributes of coded weights are longer than they say", MEND)
    return {name: numbers for name, numbers in found.items() if numbers}
