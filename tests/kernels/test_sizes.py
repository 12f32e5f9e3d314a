"""Batches and images of other sizes than a file was prepared for: right the first time, and every time after."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lth_edge.convert.sparse import to_sparse
from lth_edge.runtime.session import session

MORE_THAN_ARE_KEPT = 9


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two layers over any number of rows: dense, and with sparse layers."""
    first, second = _pruned(1, (24, 40)), _pruned(2, (40, 10))
    nodes = [
        helper.make_node("Gemm", ["x", "w0", "b0"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w1", "b1"], ["y"]),
    ]
    weights = {"w0": first, "b0": _values(3, 40), "w1": second, "b1": _values(4, 10)}
    return _both(tmp_path_factory.mktemp("linear"), nodes, weights, ["rows", 24], ["rows", 10])


@pytest.fixture(scope="module")
def convolution(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two convolutions over images of any size."""
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["h"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Conv", ["r", "w1"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2]),
    ]
    weights = {"w0": _pruned(5, (12, 3, 3, 3)), "w1": _pruned(6, (7, 12, 3, 3))}
    shapes = ["n", 3, "height", "width"], ["n", 7, "rows", "columns"]
    return _both(tmp_path_factory.mktemp("convolution"), nodes, weights, *shapes)


@pytest.mark.parametrize("threads", [1, 2])
def test_any_number_of_rows(linear: tuple[Path, Path], threads: int) -> None:
    sizes = [*range(1, MORE_THAN_ARE_KEPT), 33, 200, 2, 1, 33]
    _agree(linear, [(rows, 24) for rows in sizes], threads)


@pytest.mark.parametrize("threads", [1, 2])
def test_images_of_any_size(convolution: tuple[Path, Path], threads: int) -> None:
    sizes = [(1 + i % 3, 3, 5 + 7 * i, 31 - 3 * i) for i in range(MORE_THAN_ARE_KEPT)]
    _agree(convolution, [*sizes, *reversed(sizes)], threads)


def _agree(files: tuple[Path, Path], shapes: list[tuple[int, ...]], threads: int) -> None:
    dense, sparse = (session(file, threads=threads) for file in files)
    for i, shape in enumerate(shapes):
        feed = {"x": _values(i, *shape)}
        (expected,), (got,) = dense.run(None, feed), sparse.run(None, feed)
        assert got.shape == expected.shape
        assert np.abs(got - expected).max() <= 1e-5 * np.abs(expected).max(), shape


def _both(
    folder: Path, nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], given: list, made: list
) -> tuple[Path, Path]:
    graph = helper.make_graph(
        nodes,
        "sizes",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, made)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    sparse = to_sparse(model).model
    assert {node.domain for node in sparse.graph.node} == {"lth_edge"}
    files = folder / "dense.onnx", folder / "sparse.onnx"
    for file, content in zip(files, (model, sparse), strict=True):
        onnx.save(content, file)
    return files


def _values(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _pruned(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    values = _values(seed, *shape)
    values[np.random.default_rng(seed + 100).random(shape) < 0.8] = 0
    return values
