"""A chain of layers, its weights, scales and biases as one string of bytes; kernels/OPERATORS.md is the format.

The library of kernels decodes it while loading (kernels/coded); this module is what writes it, and reads it back.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lth_edge.codec.coded_attributes import Attributes, read_attributes, write_attributes
from lth_edge.codec.coded_matrix import CodedMatrix
from lth_edge.codec.numbers import DTYPES, NumberForm
from lth_edge.codec.recipes import read_outline, write_outline
from lth_edge.codec.stream import decode, encode
from lth_edge.codec.symbols import Outline
from lth_edge.codec.varints import MEND, Reader, Writer
from lth_edge.codec.vectors import LARGEST_EXPONENT, ONE, as_floats, in_few_bits
from lth_edge.errors import DamagedError
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.ticket import Array

MOST_COLUMNS = 1 << 20
MOST_WEIGHTS = 1 << 28  # of all matrices together, pruned ones too
MOST_WEIGHTS_A_BYTE = 1 << 12
MOST_KEPT_A_BYTE = 1 << 9
_PROFILE_AT, _HEADS_AT = 4, 5
_VALUES = tuple(map(np.dtype, ("<f4", "<f2", "|i1")))


@dataclass(frozen=True, eq=False)
class LayerConstants:
    """What a layer of a chain reads besides activations.

    Attributes:
        matrix: rows are outputs; its data float32, float16, or int8 with a scale a row.
        kernel: lengths of the axes of a convolution's kernel; empty for a linear layer.
        scale: [rows] float32, only where the data are int8.
        bias: [rows] float32, or `None`.
    """

    matrix: CsrMatrix
    kernel: tuple[int, ...] = ()
    scale: Array | None = None
    bias: Array | None = None


def encode_layers(layers: Sequence[LayerConstants], attributes: Attributes, best: bool) -> bytes | None:
    """The bytes, or `None` where they would be beyond the format's limits: such layers are held as they are.

    Args:
        attributes: of the node that runs the layers.
        best: fewer bytes that take about twice as long to decode.
    """
    if any(layer.matrix.shape[1] > MOST_COLUMNS or layer.matrix.shape[0] > MOST_COLUMNS for layer in layers):
        return None
    matrices: list[CodedMatrix] = []
    heads = Writer()
    for matrix, kernel in ((layer.matrix, layer.kernel) for layer in layers):
        matrices.append(CodedMatrix.of(matrix, kernel, matrices[-1].symbols if matrices else None))
        _write_head(heads, matrices[-1])
    for vector in _vectors(layers):
        numbers, exponent = in_few_bits(vector)
        matrices.append(CodedMatrix.of(_row(numbers)))
        _write_head(heads, matrices[-1])
        if numbers.dtype == np.int8:
            heads.numbers(exponent)
    coded = encode([each.symbols for each in matrices], best)
    checked = bytes([best]) + _part(write_attributes(attributes)) + _part(bytes(heads.content)) + coded
    content = _crc(checked) + checked
    return content if _within_limits([each.symbols.outline for each in matrices], len(content)) else None


def decode_attributes(content: bytes) -> dict[str, list[int] | list[float]]:
    """The attributes of the node that runs the layers.

    Raises:
        DamagedError: the bytes are no such thing.
    """
    return read_attributes(_opened(content)[1])


def decode_layers(content: bytes, columns: Sequence[int], has_bias: Sequence[bool]) -> list[LayerConstants]:
    """The constants of layers that have so many columns each, and perhaps a bias.

    Raises:
        DamagedError: the bytes are no such thing.
    """
    best, _, heads_content, coded = _opened(content)
    reader = Reader(heads_content)
    weights = [_Head.read(reader, count) for count in columns]
    scales = [_Head.read_vector(reader, head.outline.rows) if head.is_int8 else None for head in weights]
    pairs = zip(weights, has_bias, strict=True)
    biases = [_Head.read_vector(reader, head.outline.rows) if wanted else None for head, wanted in pairs]
    heads = [head for head in (*weights, *scales, *biases) if head is not None]
    if reader.rest() or not _within_limits([head.outline for head in heads], len(content)):
        raise DamagedError("coded weights are longer than they say, or claim more than their bytes can tell", MEND)
    symbols = decode(coded, [head.outline for head in heads], best)
    decoded = iter([CodedMatrix(each, head.form) for each, head in zip(symbols, heads, strict=True)])
    matrices = [next(decoded).csr for _ in weights]
    vectors = [[head and as_floats(next(decoded).numbers, head.exponent) for head in each] for each in (scales, biases)]
    return [LayerConstants(matrix, (), *pair) for matrix, *pair in zip(matrices, *vectors, strict=True)]


def _part(content: bytes) -> bytes:
    length = Writer()
    length.numbers(len(content))
    return bytes(length.content) + content


def _opened(content: bytes) -> tuple[bool, bytes, bytes, bytes]:
    """Whether all contexts are used; the attributes; the heads of the matrices; and these, coded."""
    if len(content) <= _HEADS_AT or _crc(content[_PROFILE_AT:]) != content[:_PROFILE_AT]:
        raise DamagedError("the checksum of coded weights is wrong", MEND)
    if content[_PROFILE_AT] > 1:
        raise DamagedError("coded weights are of a kind that this release does not know", "upgrade lth-edge")
    reader = Reader(content[_HEADS_AT:])
    attributes, heads = (reader.take(reader.number(len(content))) for _ in range(2))
    return bool(content[_PROFILE_AT]), attributes, heads, reader.rest()


@dataclass(frozen=True)
class _Head:
    """What is said of a matrix before its weights; the exponent's field is of an int8 vector."""

    outline: Outline
    form: NumberForm
    exponent: int = ONE

    @classmethod
    def read(cls, reader: Reader, columns: int) -> "_Head":
        head = cls(read_outline(reader), NumberForm.read(reader))
        if head.outline.columns != columns or DTYPES[head.form.dtype] not in _VALUES:
            raise DamagedError("coded weights are not those of the layer that they stand for", MEND)
        return head

    @classmethod
    def read_vector(cls, reader: Reader, size: int) -> "_Head":
        """Of a number for each row of a layer."""
        head = cls.read(reader, size)
        if head.outline.rows != 1 or not head.outline.full:
            raise DamagedError("coded weights have no scale or bias for each row", MEND)
        if not head.is_int8:
            return head
        exponent = reader.number(LARGEST_EXPONENT)
        if exponent == 0:
            raise DamagedError("coded weights have a scale or bias times a power of two that is none", MEND)
        return replace(head, exponent=exponent)

    @property
    def is_int8(self) -> bool:
        return DTYPES[self.form.dtype] == np.int8


def _vectors(layers: Sequence[LayerConstants]) -> Iterator[Array]:
    """All scales, then all biases."""
    yield from (layer.scale for layer in layers if layer.scale is not None)
    yield from (layer.bias for layer in layers if layer.bias is not None)


def _row(numbers: Array) -> CsrMatrix:
    indices = np.arange(numbers.size, dtype=np.uint16 if numbers.size <= 1 << 16 else np.uint32)
    return CsrMatrix((1, numbers.size), np.array([0, numbers.size], np.int32), indices, numbers)


def _write_head(heads: Writer, matrix: CodedMatrix) -> None:
    write_outline(heads, matrix.symbols.outline)
    matrix.form.write(heads)


def _within_limits(outlines: Sequence[Outline], size: int) -> bool:
    weights = sum(outline.rows * outline.columns for outline in outlines)
    kept = sum(outline.nnz for outline in outlines)
    widest = max((outline.columns for outline in outlines), default=0)
    return (
        widest <= MOST_COLUMNS
        and weights <= min(MOST_WEIGHTS, size * MOST_WEIGHTS_A_BYTE)
        and kept <= size * MOST_KEPT_A_BYTE
    )


def _crc(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little")
