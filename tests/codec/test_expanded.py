"""A file with a stream is held by its weights: it comes back to the byte, and is coded by context."""

import contextlib

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from lth_edge.codec.container import read_container, write_container
from lth_edge.codec.expanded import collapsed, expanded, is_expanded
from lth_edge.codec.onnx_tensors import GRAPH, INITIALIZER, field, tensor
from lth_edge.codec.plan import plan
from lth_edge.codec.renderings import Rendering
from lth_edge.convert import standard
from lth_edge.convert.round_values import round_values
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.standard import to_standard
from lth_edge.errors import DamagedError


def forms(values: str = "codebook-4") -> dict[str, bytes]:
    """A convolution and a linear layer of structured masks, as the files of a package."""
    random = np.random.default_rng(0)
    shapes = {"conv.weight": (16, 4, 3, 3), "linear.weight": (200, 16 * 36)}
    masks, weights = {}, {}
    for name, shape in shapes.items():
        rows, columns = random.beta(0.3, 3, shape[0]), random.beta(0.3, 1, int(np.prod(shape[1:])))
        masks[name] = (random.random((shape[0], columns.size)) < 2 * np.outer(rows, columns)).reshape(shape)
        weights[name] = np.where(masks[name], random.normal(size=shape), 0).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "conv.weight"], ["c"]),
            helper.make_node("Flatten", ["c"], ["flat"]),
            helper.make_node("Gemm", ["flat", "linear.weight"], ["y"], transB=1),
        ],
        "two layers",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 4, 8, 8])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 200])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    graph.node[0].input[0], graph.node[-1].output[0] = "input", "output"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    rounded = round_values(model, masks, values)
    sparse = to_sparse(rounded, masks, values="fp16", min_sparsity=0).model
    made = {"ticket.onnx": to_standard(rounded, masks), "ticket.sparse.onnx": sparse}
    return {name: each.SerializeToString(deterministic=True) for name, each in made.items()}


@pytest.fixture(scope="module")
def ticket() -> bytes:
    return forms()["ticket.onnx"]


@pytest.mark.parametrize("values", ["codebook-2", "codebook-4", "codebook-64"])
def test_what_is_expanded_is_an_onnx_file_of_gaps_and_comes_back(values: str) -> None:
    content = forms(values)["ticket.onnx"]
    held = expanded(content)
    assert is_expanded(held) and not is_expanded(content)
    names = [tensor.name for tensor in onnx.load_from_string(held).graph.initializer]
    assert names[:4] == ["0.gaps", "0.values", "0.size", "0.shape"]
    assert collapsed(held) == content
    assert expanded(held) == held


@pytest.mark.parametrize("best", [True, False])
def test_it_is_coded_by_context(ticket: bytes, best: bool) -> None:
    files = {"ticket.onnx": ticket, "note.txt": b"hello"}
    packed = write_container(files, best)
    assert read_container(packed) == files
    assert len(packed) < 0.9 * len(ticket)


def test_weights_that_found_no_room_in_the_stream_are_coded_by_context_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _, both = plan({"ticket.onnx": expanded(forms()["ticket.onnx"])}, None)
    monkeypatch.setattr(standard, "MOST_SYMBOLS", sum(matrix.outline.nnz for matrix in both) - 1)
    content = forms()["ticket.onnx"]
    names = {tensor.name for tensor in onnx.load_from_string(content).graph.initializer}
    assert names >= {"p", "conv.weight.gaps"}, "one weight in the stream, the other as gaps"
    listing, matrices = plan({"ticket.onnx": expanded(content)}, None)
    assert [matrix.outline for matrix in matrices] == [matrix.outline for matrix in both]
    assert all(piece.rendering != Rendering.DENSE for file in listing.files for piece in file.pieces)
    assert read_container(write_container({"ticket.onnx": content}, True)) == {"ticket.onnx": content}


def test_with_the_sparse_file_its_weights_are_coded_once() -> None:
    files = forms()
    alone = len(write_container({"ticket.onnx": files["ticket.onnx"]}, True))
    assert read_container(write_container(files, True)) == files
    assert len(write_container(files, True)) < alone + 700


def test_what_only_looks_expanded_comes_back(ticket: bytes) -> None:
    for content in (expanded(ticket), expanded(ticket)[:100]):
        files = {"looks.onnx": content, "ticket.onnx": ticket}
        assert read_container(write_container(files, True)) == files


ORDERS = [(1000, 1001, 1002, GRAPH), (GRAPH, 1000, 1001, 1002), (1000, 1001, 1002), (1000, GRAPH, 1000, 1001, 1002)]


def foreign(order: tuple[int, ...], cut: int) -> bytes:
    """Our fields with graphs of a tensor each, nearly all of it zeros; one may lie across the place that is cut."""
    one, other = (field(INITIALIZER, tensor("w", np.eye(1, size, 3, np.float32))) for size in (400, 90))
    held = {1000: field(GRAPH, one), 1001: cut.to_bytes(4, "little"), 1002: (64).to_bytes(4, "little"), GRAPH: other}
    return b"".join(field(number, held[number]) for number in order)


@pytest.mark.parametrize("cut", [0, 40, 200, 1000])
@pytest.mark.parametrize("order", ORDERS)
def test_fields_that_are_ours_in_another_file_come_back(order: tuple[int, ...], cut: int) -> None:
    for content in (foreign(order, cut), field(1000, b"") + foreign(order, cut)):
        files = {"model.onnx": content}
        assert read_container(write_container(files, True)) == files


@settings(max_examples=200, deadline=None)
@given(
    which=st.integers(0, len(ORDERS)),
    changes=st.lists(st.tuples(st.integers(0), st.integers(1, 255)), max_size=6),
    cut=st.integers(0, 200),
)
def test_any_bytes_of_a_model_come_back(ticket: bytes, which: int, changes: list[tuple[int, int]], cut: int) -> None:
    content = bytearray([ticket, *(foreign(order, 200) for order in ORDERS)][which])
    for place, change in changes:
        content[place % len(content)] ^= change
    files = {"model.onnx": bytes(content[: len(content) - cut])}
    assert read_container(write_container(files, False)) == files


@pytest.mark.parametrize("dtype", ["|u1", "<i4", "<f4"])
def test_tensors_named_as_ours_that_are_something_else_come_back(dtype: str) -> None:
    random = np.random.default_rng(0)
    for names in ("p", "pckrfdvwns", ["p", "c", "k", "f", "d", "v", "_c0"]):
        tensors = [numpy_helper.from_array(random.integers(1, 9, 20).astype(dtype), name) for name in names]
        files = {"model.onnx": helper.make_model(helper.make_graph([], "g", [], [], tensors)).SerializeToString()}
        assert read_container(write_container(files, True)) == files


@settings(max_examples=80, deadline=None)
@given(place=st.integers(0, 10**6), change=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_one_is_told_or_another(ticket: bytes, place: int, change: int, cut: bool) -> None:
    held = bytearray(expanded(ticket))
    place %= len(held)
    if cut:
        del held[place:]
    else:
        held[place] ^= change
    with contextlib.suppress(DamagedError):
        assert collapsed(bytes(held)) is not None


def test_weights_of_another_file_are_told(ticket: bytes) -> None:
    """All that is cut out is checked against what is left."""
    two, four = (onnx.load_from_string(expanded(forms(f"codebook-{size}")["ticket.onnx"])) for size in (2, 4))
    two.graph.CopyFrom(four.graph)
    with pytest.raises(DamagedError):
        collapsed(two.SerializeToString())


def test_a_flag_without_an_expanded_file_is_told() -> None:
    content = bytearray(write_container({"note.txt": b"hello"}, True))
    content[9] |= 2
    with pytest.raises(DamagedError, match="holds none"):
        read_container(bytes(content))
