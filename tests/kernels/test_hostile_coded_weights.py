"""Hostile coded weights inside onnxruntime: errors when the session is made, and never harm."""

import resource
import time
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import numpy as np
import onnx
import onnxruntime
import pytest
from coded_chains import chain_of_convolutions, chain_of_linear, sparse
from nodes import Chain, Layer, csr, model
from onnx import numpy_helper

from lth_edge import session
from lth_edge.codec.coded_attributes import SINGLE, write_attributes
from lth_edge.codec.varints import Writer
from lth_edge.convert.coded_weights import with_coded_weights
from lth_edge.errors import DamagedError

PROFILES = pytest.mark.parametrize("best", [False, True], ids=["fast", "best"])
Load = Callable[[onnx.ModelProto], onnxruntime.InferenceSession]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def opened(found: onnx.ModelProto) -> onnxruntime.InferenceSession:
        onnx.save(found, tmp_path / "model.onnx")
        return session(tmp_path / "model.onnx")

    return opened


def coded_constant(found: onnx.ModelProto) -> onnx.TensorProto:
    return found.graph.initializer[0]


def checked(content: bytes) -> bytes:
    return crc32(content).to_bytes(4, "little") + content


def with_content(content: bytes, chain: Chain | None = None) -> onnx.ModelProto:
    coded = with_coded_weights(model(chain or chain_of_linear("float16"), None), best=True)
    coded_constant(coded).CopyFrom(
        numpy_helper.from_array(np.frombuffer(content, np.uint8), coded_constant(coded).name)
    )
    return coded


def content_of(chain: Chain, best: bool = True) -> bytes:
    return bytes(coded_constant(with_coded_weights(model(chain, None), best)).raw_data)


def head(*outline: int, form: tuple[int, ...] = (1, 0, 0)) -> bytes:
    numbers = Writer()
    numbers.numbers(*outline, *form)
    return bytes(numbers.content)


def part(content: bytes) -> bytes:
    length = Writer()
    length.numbers(len(content))
    return bytes(length.content) + content


def claiming(*heads: bytes, stream: bytes = b"\x5a" * 30, best: int = 0) -> bytes:
    """Bytes with a right checksum that claim these matrices."""
    return checked(bytes([best]) + part(ATTRIBUTES) + part(b"".join(heads)) + stream)


ATTRIBUTES = write_attributes(
    {k: [v] if k in SINGLE else v for k, v in chain_of_linear("float16").attributes().items()}
)
GOOD = head(30, 700, 400, 1, 1, 0, 31)
PALETTE = head(1, 700, 700, 1, 1, 0, 14, form=(5, 0, 1, 3, 0))
HOSTILE = {
    "nothing": (b"", "missing|coded weights|is not uint8"),
    "too short": (b"\0" * 5, "end too early"),
    "a wrong checksum": (b"\0" * 40, "checksum is wrong"),
    "another kind": (claiming(best=2), "a kind that this library does not know"),
    "attributes beyond the end": (checked(b"\0\xff\x7f" + bytes(20)), "end too early"),
    "heads beyond the end": (checked(b"\0\0\xff\x7f" + bytes(20)), "end too early"),
    "no attributes": (checked(b"\0" + part(bytes(20)) + part(GOOD)), "attribute activations is missing"),
    "attributes that end": (checked(b"\0" + part(ATTRIBUTES[:-9]) + part(GOOD)), "damaged attributes"),
    "attributes that go on": (checked(b"\0" + part(ATTRIBUTES + b"\0") + part(GOOD)), "damaged attributes"),
    "attributes of many entries": (checked(b"\0" + part(b"\xff\x7f" + bytes(30)) + part(GOOD)), "damaged attributes"),
    "no heads": (claiming(), "layer 0: its coded weights tell of no possible matrix"),
    "an endless number": (claiming(b"\xff" * 12), "no possible matrix"),
    "a padded number": (claiming(b"\x80\x00" + GOOD[1:]), "no possible matrix"),
    "no rows": (claiming(head(0, 700, 0, 1, 1, 0, 31)), "no possible matrix"),
    "more kept than there are": (claiming(head(1, 700, 701, 1, 1, 0, 31)), "no possible matrix"),
    "blocks that do not fit": (claiming(head(30, 700, 400, 9, 3, 0, 31)), "no possible matrix"),
    "a value of bytes": (claiming(head(30, 700, 400, 1, 1, 0, 31, form=(3, 0, 0))), "no possible matrix"),
    "a palette of 257": (claiming(head(30, 700, 400, 1, 1, 0, 31, form=(5, 0, 257))), "no possible matrix"),
    "other columns": (claiming(head(30, 70, 40, 1, 1, 0, 31)), "another number of columns"),
    "too many weights": (claiming(head(1 << 20, 700, 9, 1, 1, 0, 31)), "more weights than their bytes"),
    "too many kept": (claiming(head(1 << 10, 700, 700 << 10, 1, 1, 0, 0)), "more weights than their bytes"),
    "billions of rows": (claiming(head((1 << 31) - 2, 700, 9, 1, 1, 0, 31)), "no possible matrix|more weights than"),
    "noise": (claiming(GOOD), "are damaged"),
    "a value beyond the palette": (
        claiming(PALETTE, stream=b"\x5a" * 999),
        "a number that cannot",
    ),
}


@pytest.mark.parametrize(("content", "rule"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_refused_when_the_session_is_made(load: Load, content: bytes, rule: str) -> None:
    with pytest.raises(DamagedError, match=f"SparseLinear.*: .*({rule})"):
        load(with_content(content))


def test_a_stream_that_goes_on_is_refused(load: Load) -> None:
    content = content_of(chain_of_linear("float16"))
    with pytest.raises(DamagedError, match="longer or shorter"):
        load(with_content(checked(content[4:] + bytes(9))))


@pytest.mark.parametrize(("name", "value"), [("coded", 2), ("coded", -1), ("coded", 2**40)])
def test_another_value_of_the_attribute_is_refused(load: Load, name: str, value: int) -> None:
    coded = with_coded_weights(model(chain_of_linear("float16"), None), best=True)
    coded.graph.node[0].attribute[-1].i = value
    with pytest.raises(DamagedError, match="attribute coded"):
        load(coded)


def test_coded_weights_of_another_type_and_further_inputs_are_refused(load: Load) -> None:
    coded = with_content(content_of(chain_of_linear("float16")))
    coded.graph.node[0].input.append(coded_constant(coded).name)
    with pytest.raises(DamagedError, match="3 inputs where its layers have 2"):
        load(coded)
    wide = numpy_helper.from_array(np.zeros(99, np.int32), coded_constant(coded).name)
    coded_constant(coded).CopyFrom(wide)
    with pytest.raises(DamagedError, match="coded weights are not uint8"):
        load(coded)


def test_weights_of_another_layer_are_refused(load: Load) -> None:
    """Rows that the layers behind do not read; a bias too many."""
    other = content_of(
        Chain("SparseLinear", [Layer(csr(sparse(31, 700)), 700), Layer(csr(sparse(5, 30)), 30, source=1)])
    )
    with pytest.raises(DamagedError, match="SparseLinear"):
        load(with_content(other))


@PROFILES
def test_a_few_bytes_that_claim_much_end_soon_and_take_little(load: Load, best: bool) -> None:
    """About the most that is not refused outright: 2^12 weights a byte."""
    content = claiming(head(5000, 700, 20_000, 1, 1, 0, 31), stream=b"\0" * 800, best=int(best))
    assert 3000 * len(content) < 5000 * 700
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(DamagedError):
        load(with_content(content))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
    assert time.process_time() - started < 20


@PROFILES
@pytest.mark.parametrize("make", [chain_of_linear, chain_of_convolutions])
def test_any_bytes_with_a_right_checksum_load_or_are_refused(
    load: Load, make: Callable[[str], Chain], best: bool
) -> None:
    chain = make("int8")
    content = content_of(chain, best)
    random = np.random.default_rng(2)
    refused = 0
    for round_ in range(150):
        damaged = bytearray(content[4:])
        for _ in range(random.integers(1, 4)):
            at = random.integers(len(damaged) if round_ % 2 else 90)
            damaged[at] = random.integers(256)
        if round_ % 5 == 0:
            del damaged[random.integers(1, len(damaged)) :]
        try:
            load(with_content(checked(bytes(damaged)), chain))
        except DamagedError:
            refused += 1
    assert refused > 50
