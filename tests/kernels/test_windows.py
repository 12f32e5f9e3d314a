"""Windows, strides and dilations in every small combination, beside onnxruntime's own convolution."""

from pathlib import Path

import numpy as np
import onnx
import pytest
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
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    converted = to_sparse(model, min_sparsity=0.0).model
    assert [node.op_type for node in converted.graph.node] == ["SparseConv"]
    onnx.save(model, folder / "dense.onnx")
    onnx.save(converted, folder / "sparse.onnx")
    return folder / "dense.onnx", folder / "sparse.onnx"
