"""Coded weights inside onnxruntime: the same bits as plain ones, and the same arrays again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from coded_chains import RNG, chain_of_convolutions, chain_of_linear, nothing_kept, one_matrix, wide_rows
from nodes import constants_of, model, node, whole
from onnx import numpy_helper

from lth_edge import session
from lth_edge.convert.coded_weights import held_as, is_coded, with_coded_weights, with_plain_weights
from lth_edge.convert.graph import replace_all
from lth_edge.convert.model_file import layer_sparsity, read_model, save_model
from lth_edge.errors import DamagedError

PROFILES = pytest.mark.parametrize("best", [False, True], ids=["fast", "best"])
CHAINS = {
    "linear": (chain_of_linear, (2, 700)),
    "one matrix": (one_matrix, (4, 40)),
    "convolutions": (chain_of_convolutions, (2, 3, 9, 8)),
    "no weights kept": (nothing_kept, (2, 4)),
    "wide rows": (wide_rows, (1, 70_000)),
}


def outputs(found: onnx.ModelProto, fed: dict[str, np.ndarray], folder: Path) -> bytes:
    onnx.save(found, folder / "model.onnx")
    return session(folder / "model.onnx").run(None, fed)[0].tobytes()


@PROFILES
@pytest.mark.parametrize("data", ["float32", "float16", "int8"])
@pytest.mark.parametrize("name", CHAINS)
def test_coded_weights_compute_the_same_bits_as_plain_ones(tmp_path: Path, name: str, data: str, best: bool) -> None:
    make, shape = CHAINS[name]
    plain = model(make(data), None)
    coded = with_coded_weights(plain, best)
    assert [attribute.name for attribute in coded.graph.node[0].attribute][-1] == "coded"
    assert len(coded.graph.initializer) == 1 and coded.opset_import[1].version == 2
    fed = {"x0": RNG.normal(size=shape).astype(np.float32)}
    assert outputs(plain, fed, tmp_path) == outputs(coded, fed, tmp_path)


@pytest.mark.parametrize("data", ["float32", "float16", "int8"])
@pytest.mark.parametrize("name", CHAINS)
def test_coded_weights_become_the_arrays_that_they_were(name: str, data: str) -> None:
    plain = model(CHAINS[name][0](data), None)
    back = with_plain_weights(with_coded_weights(held_as(plain, "plain"), best=True))
    before, after = ([numpy_helper.to_array(t) for t in each.graph.initializer] for each in (plain, back))
    assert not is_coded(back) and len(before) == len(after)
    for one, other in zip(before, after, strict=True):
        if one.dtype == other.dtype:  # which of both kinds of indices is written is the converter's choice
            assert one.tobytes() == other.tobytes()


def test_a_coded_file_is_read_like_any_other(tmp_path: Path) -> None:
    plain = model(chain_of_linear("float16"), ["n", 700])
    plain.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("y0", onnx.TensorProto.FLOAT, ["n", 5]))
    save_model(with_coded_weights(plain, best=True), tmp_path / "coded.onnx")
    told = [(layer.shape, layer.nonzero) for layer in layer_sparsity(read_model(tmp_path / "coded.onnx"))]
    assert told == [(layer.shape, layer.nonzero) for layer in layer_sparsity(plain)]


def test_coding_a_coded_model_changes_nothing() -> None:
    coded = with_coded_weights(model(chain_of_linear("float16"), None), best=False)
    assert with_coded_weights(coded, best=True) == coded
    again = held_as(coded, "best")
    assert held_as(again, "fast") == held_as(held_as(again, "plain"), "fast")


def test_plain_weights_work_from_a_file_of_their_own(tmp_path: Path) -> None:
    """What can be mapped into memory: nothing of it is decoded."""
    plain = model(chain_of_linear("float32"), ["n", 700])
    fed = {"x0": RNG.normal(size=(2, 700)).astype(np.float32)}
    onnx.save(plain, tmp_path / "one.onnx")
    onnx.save(plain, tmp_path / "two.onnx", save_as_external_data=True, location="two.bin", size_threshold=0)
    one, two = (session(tmp_path / name).run(None, fed)[0] for name in ("one.onnx", "two.onnx"))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("inside", [True, False])
def test_a_node_in_a_branch_holds_its_weights_coded_where_they_are_its_own(tmp_path: Path, inside: bool) -> None:
    chain = one_matrix("float32")
    value = [onnx.helper.make_tensor_value_info("y0", onnx.TensorProto.FLOAT, None)]
    branch = onnx.helper.make_graph([node(chain)], "branch", [], value, constants_of(chain) if inside else [])
    either = onnx.helper.make_node("If", ["choice"], ["y0"], then_branch=branch, else_branch=branch)
    inputs = [
        onnx.helper.make_tensor_value_info("choice", onnx.TensorProto.BOOL, []),
        onnx.helper.make_tensor_value_info("x0", onnx.TensorProto.FLOAT, ["n", 40]),
    ]
    plain = whole(onnx.helper.make_graph([either], "graph", inputs, value, [] if inside else constants_of(chain)))
    coded = with_coded_weights(plain, best=True)
    assert is_coded(coded) == inside
    fed = {"x0": RNG.normal(size=(2, 40)).astype(np.float32), "choice": np.array(True)}
    assert len({outputs(found, fed, tmp_path) for found in (plain, coded, with_plain_weights(coded))}) == 1


BREAKS = {
    "a constant too few": lambda node: node.input.pop(),
    "no flags of biases": lambda node: drop(node, "bias"),
    "no channels": lambda node: drop(node, "columns", "channels"),
    "indices for indptr": lambda node: replace_all(node.input, [node.input[0], node.input[2], *node.input[2:]]),
}


def drop(node: onnx.NodeProto, *names: str) -> None:
    replace_all(node.attribute, [item for item in node.attribute if item.name not in names])


@pytest.mark.parametrize("name", ["linear", "convolutions"])
@pytest.mark.parametrize("breaks", BREAKS.values(), ids=BREAKS)
def test_a_node_that_breaks_the_format_is_told_and_not_coded(breaks: Callable[..., None], name: str) -> None:
    plain = model(CHAINS[name][0]("float32"), None)
    breaks(plain.graph.node[0])
    with pytest.raises(DamagedError):
        with_coded_weights(plain, best=False)


def test_constants_that_others_read_stay() -> None:
    plain = model(one_matrix("float32"), None)
    plain.graph.node.append(onnx.helper.make_node("Identity", ["c2"], ["data"]))
    plain.graph.output.append(onnx.helper.make_tensor_value_info("data", onnx.TensorProto.FLOAT, None))
    coded = with_coded_weights(plain, best=True)
    assert len(coded.graph.initializer) == 2
