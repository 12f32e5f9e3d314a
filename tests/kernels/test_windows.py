"""Windows, strides and dilations in every small combination, beside onnxruntime's own convolution."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from nodes import RELU, Chain, Layer, convolution, model
from onnx import TensorProto, helper, numpy_helper

from lth_edge.convert.sparse import to_sparse
from lth_edge.runtime.session import session

CHANNELS, SIZE = 4, 40


@pytest.mark.parametrize("group", [1, 2, CHANNELS])
@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_strides_and_dilations(tmp_path: Path, kernel: int, group: int) -> None:
    """A stride larger than the window leaves phases of the input out, and a dilation steps into others."""
    image = np.random.default_rng(0).normal(size=(1, CHANNELS, SIZE, SIZE)).astype(np.float32)
    for stride in range(1, 6):
        for dilation in range(1, 5):
            dense, sparse = _files(tmp_path, kernel, group, stride, dilation)
            (expected,), (got,) = (session(file).run(None, {"x": image}) for file in (dense, sparse))
            assert np.abs(got - expected).max() <= 1e-5 * np.abs(expected).max(), (stride, dilation)


@pytest.mark.parametrize(("kernel", "pad"), [(2, 0), (3, 1)])
@pytest.mark.parametrize("width", [2, 4, 6, 8, 16, 24, 32, 48, 64, 112])
def test_pools_that_halve_an_image(tmp_path: Path, width: int, kernel: int, pad: int) -> None:
    """Rows that fill vectors, rows that share one, and neither; the numbers of channels leave part of a vector over."""
    for channels, height in ((1, 2), (3, 6), (5, 10)):
        image = np.random.default_rng(width).normal(size=(2, channels, height, width)).astype(np.float32)
        layer = Layer(None, channels, kind=1, kernel_shape=(kernel,) * 2, strides=(2, 2), pads=(pad,) * 4)
        onnx.save(model(Chain("SparseConv", [layer]), image.shape), tmp_path / "pool.onnx")
        (got,) = session(tmp_path / "pool.onnx").run(None, {"x0": image})
        expected = torch.nn.functional.max_pool2d(torch.from_numpy(image), kernel, 2, pad).numpy()
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("kernel", "pad"), [(2, 0), (3, 1)])
@pytest.mark.parametrize(("height", "width"), [(128, 160), (150, 128), (94, 224), (40, 512)])
def test_a_pool_behind_a_large_image(
    tmp_path: Path, height: int, width: int, kernel: int, pad: int, threads: int
) -> None:
    """Both are computed in bands of rows, the last of them shorter, by one thread and by several."""
    rng = np.random.default_rng(height)
    weight = (rng.normal(size=(20, 3, 3, 3)) * (rng.random((20, 3, 3, 3)) < 0.4)).astype(np.float32)
    pool = Layer(None, 20, source=1, kind=1, kernel_shape=(kernel,) * 2, strides=(2, 2), pads=(pad,) * 4)
    first = convolution(weight, pads=(1, 1, 1, 1), bias=rng.normal(size=20).astype(np.float32), activation=RELU)
    image = rng.normal(size=(2, 3, height, width)).astype(np.float32)
    onnx.save(model(replace(first, layers=[*first.layers, pool]), image.shape), tmp_path / "pool.onnx")
    opened = session(tmp_path / "pool.onnx", threads)
    made = torch.conv2d(torch.from_numpy(image), torch.from_numpy(weight), torch.from_numpy(first.layers[0].bias), 1, 1)
    expected = torch.nn.functional.max_pool2d(made.relu(), kernel, 2, pad).numpy()
    for _ in range(20):
        (got,) = opened.run(None, {"x0": image})
        np.testing.assert_allclose(got, expected, atol=1e-5 * abs(expected).max())


def _files(folder: Path, kernel: int, group: int, stride: int, dilation: int) -> tuple[Path, Path]:
    rng = np.random.default_rng(kernel)
    weight = rng.normal(size=(CHANNELS, CHANNELS // group, kernel, kernel)).astype(np.float32)
    weight[rng.random(weight.shape) < 0.3] = 0
    node = helper.make_node(
        "Conv",
        ["x", "w"],
        ["y"],
        group=group,
        strides=[1, stride],
        dilations=[1, dilation],
        pads=[1, 1, 1, 1],
    )
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, CHANNELS, SIZE, SIZE])
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "windows", [given], [made], [numpy_helper.from_array(weight, "w")])
    dense = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    converted = to_sparse(dense, min_sparsity=0.0).model
    assert [node.op_type for node in converted.graph.node] == ["SparseConv"]
    onnx.save(dense, folder / "dense.onnx")
    onnx.save(converted, folder / "sparse.onnx")
    return folder / "dense.onnx", folder / "sparse.onnx"
