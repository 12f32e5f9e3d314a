"""Weights of a chain in one string of bytes: they come back as they were, and damage is told."""

from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_edge.codec.coded_attributes import Attributes
from lth_edge.codec.coded_layers import LayerConstants, decode_attributes, decode_layers, encode_layers
from lth_edge.codec.varints import Writer
from lth_edge.codec.vectors import as_floats, in_few_bits
from lth_edge.errors import DamagedError
from lth_edge.sparse.csr import CsrMatrix

BEST = pytest.mark.parametrize("best", [False, True], ids=["fast", "best"])
ATTRIBUTES: Attributes = {
    "activations": [1],
    "outputs": [2],
    "source": [0, 1],
    "residual": [-1, -1],
    "bounds": [0.0, float("inf"), -1.5, 6.0],
    "columns": [18, 4],
    "input_size": [0, 2**31 - 1],
    "tuning": [-(2**31), 300, -300],
}
KERNELS = {9: (3, 3), 25: (5, 5)}
FROZEN = {
    False: "4c5e935d003b0102010402000202010100000400808080fc07808080fe0b8080808604022408000000000000000000000200"
    "feffffff0f03ffffffff0fd804d704390412160903000902000001040301010107018070090104040101003500cd99b3ee03"
    "010104040101000f0200007d010101010100000201007d1809e6a84d4d57e09511778121698131695a943eb3533f67361b9d"
    "0dc502ec8d2c0753fffffe9047ae",
    True: "65b2bbb5013b0102010402000202010100000400808080fc07808080fe0b8080808604022408000000000000000000000200"
    "feffffff0f03ffffffff0fd804d704390412160903000902000001040301010107018070090104040101003500cd99b3ee03"
    "010104040101000f0200007d010101010100000201007d13e0aa06f0b98834b1ee70bcc47fcd3b1706993edd8a32f103103a"
    "1669b200b8a46c2dffffff7a69cd",
}


def layer(seed: int, rows: int, columns: int, density: float, dtype: str, bias: bool) -> LayerConstants:
    random = np.random.default_rng(seed)
    kept = random.random((rows, columns)) < density
    numbers = random.normal(0, 0.2, (rows, columns))
    values = np.rint(numbers * 40).clip(-127, 127).astype(dtype) if dtype == "int8" else numbers.astype(dtype)
    scale = random.uniform(0.01, 0.02, rows).astype(np.float32) if dtype == "int8" else None
    return LayerConstants(
        CsrMatrix.from_mask(values, kept),
        KERNELS.get(columns, ()),
        scale,
        random.normal(size=rows).astype(np.float32) if bias else None,
    )


def same(one: LayerConstants, other: LayerConstants) -> bool:
    def parts(each: LayerConstants) -> list[bytes | None]:
        matrix = each.matrix
        arrays = matrix.indptr, matrix.indices, matrix.data, each.scale, each.bias
        return [None if array is None else array.dtype.str.encode() + array.tobytes() for array in arrays]

    return one.matrix.shape == other.matrix.shape and parts(one) == parts(other)


def decoded(content: bytes, layers: list[LayerConstants]) -> list[LayerConstants]:
    return decode_layers(content, [each.matrix.shape[1] for each in layers], [each.bias is not None for each in layers])


def checked(content: bytes | bytearray) -> bytes:
    """Bytes behind their checksum."""
    return crc32(content).to_bytes(4, "little") + bytes(content)


layers = st.builds(
    layer,
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 8),
    columns=st.sampled_from([1, 9, 25, 300, 3_000]),
    density=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    dtype=st.sampled_from(["float32", "float16", "int8"]),
    bias=st.booleans(),
)


@BEST
@settings(max_examples=25, deadline=None)
@given(given=st.lists(layers, min_size=1, max_size=4))
def test_layers_come_back_bit_for_bit(given: list[LayerConstants], best: bool) -> None:
    content = encode_layers(given, ATTRIBUTES, best)
    assert content is not None
    assert all(map(same, given, decoded(content, given)))


@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [
        ([0.5, -0.25, 31.75], np.int8),
        ([0.0, 0.0], np.int8),
        ([2.0**-126, -(2.0**-120)], np.int8),
        ([2.0**-130], np.float32),
        ([-0.0, 1.0], np.float16),
        ([0.1], np.float32),
        ([np.inf, 1.0], np.float16),
        ([np.nan], np.float16),
        ([2.0**127, 1.0], np.float32),
    ],
)
def test_a_vector_takes_few_bits_where_that_is_exact(numbers: list[float], dtype: type) -> None:
    before = np.array(numbers, np.float32)
    few, exponent = in_few_bits(before)
    assert few.dtype == dtype
    assert as_floats(few, exponent).tobytes() == before.tobytes()


def test_what_is_beyond_the_limits_is_not_coded() -> None:
    wide = CsrMatrix((1, (1 << 20) + 1), np.array([0, 0], np.int32), np.zeros(0, np.uint32), np.zeros(0, np.float32))
    assert encode_layers([LayerConstants(wide)], ATTRIBUTES, True) is None
    # A byte cannot tell so many weights.
    equal = layer(0, 64, 4096, 1.0, "float16", False)
    same_all = replace(equal.matrix, data=np.ones_like(equal.matrix.data))
    assert encode_layers([replace(equal, matrix=same_all)], ATTRIBUTES, True) is None, (
        "a byte cannot tell so many weights"
    )


def sample() -> list[LayerConstants]:
    return [layer(1, 6, 25, 0.3, "float16", True), layer(2, 4, 300, 0.05, "int8", True)]


def frozen_layers() -> list[LayerConstants]:
    """What FROZEN decodes to."""
    cells = np.arange(4 * 18).reshape(4, 18)
    matrix = CsrMatrix.from_mask((cells * 37 % 17 - 8).astype(np.int8), cells * 29 % 7 < 2)
    quarters = np.array([0.25, -0.5, 31.75, 0], np.float32)
    halves = CsrMatrix.from_mask(np.float16([[1.5, 0, -3, 0.5]]), np.array([[True, False, True, True]]))
    return [LayerConstants(matrix, (3, 3), quarters + 0.1, quarters), LayerConstants(halves, (), None, quarters[:1])]


@BEST
def test_the_bytes_of_coded_weights_never_change(best: bool) -> None:
    """What is written today is read by every later release, and by the library of today."""
    given = frozen_layers()
    content = encode_layers(given, ATTRIBUTES, best)
    assert content is not None and content.hex() == FROZEN[best]
    assert decode_attributes(content) == ATTRIBUTES
    assert all(map(same, given, decoded(content, given)))


@BEST
def test_any_damage_is_told(best: bool) -> None:
    given = sample()
    content = encode_layers(given, ATTRIBUTES, best)
    assert content is not None
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
        with pytest.raises(DamagedError):
            decoded(bytes(damaged), given)


def test_hostile_bytes_with_a_right_checksum_are_told_or_give_what_they_claim() -> None:
    """Whoever writes the checksum can write anything behind it."""
    given = sample()
    content = encode_layers(given, ATTRIBUTES, True)
    assert content is not None
    random = np.random.default_rng(1)
    told = 0
    for _ in range(400):
        damaged = bytearray(content[4:])
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(min(len(damaged), 80))] = random.integers(256)
        try:
            decode_attributes(checked(damaged))
            found = decoded(checked(damaged), given)
        except DamagedError:
            told += 1
        else:
            assert [each.matrix.shape[1] for each in found] == [25, 300]
    assert told > 150


def test_a_claim_of_many_weights_is_refused_before_they_are_allocated() -> None:
    heads = Writer()
    heads.numbers(1 << 20, 1 << 8, 1 << 28, 1, 1, 0, 0, 1, 0, 0)
    content = checked(bytes([0, 0, len(heads.content)]) + bytes(heads.content) + bytes(40))
    with pytest.raises(DamagedError, match="more than their bytes can tell"):
        decode_layers(content, [1 << 8], [False])
