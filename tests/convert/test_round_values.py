"""Rounded values are those that our operators hold, whichever way round a file holds its weights."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from lth_edge.convert.model_file import save_model
from lth_edge.convert.round_values import round_values
from lth_edge.convert.sparse import to_sparse
from lth_edge.runtime.session import session


@pytest.mark.parametrize(("operator", "units_last"), [("MatMul", True), ("Gemm", True), ("Gemm", False)])
def test_int8_has_a_scale_for_each_unit(operator, units_last, tmp_path):
    random = np.random.default_rng(0)
    kept = random.random((64, 128)) < 0.05
    # Rows and columns of very different size: a scale along the wrong axis shows.
    weight = np.where(kept, random.normal(size=kept.shape) * np.exp(random.normal(size=(64, 1))), 0).astype(np.float32)
    if not units_last:
        kept, weight = np.ascontiguousarray(kept.T), np.ascontiguousarray(weight.T)
    node = helper.make_node(operator, ["x", "w"], ["y"], **({} if units_last else {"transB": 1}))
    shapes = ([16, 64], [16, 128])
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip("xy", shapes, strict=True))
    graph = helper.make_graph([node], "graph", [x], [y], [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    rounded = round_values(model, {"w": kept}, "int8")
    save_model(rounded, tmp_path / "rounded.onnx")
    save_model(to_sparse(rounded, {"w": kept}, values="int8").model, tmp_path / "sparse.onnx")
    feed = {"x": random.normal(size=shapes[0]).astype(np.float32)}
    expected = onnxruntime.InferenceSession(tmp_path / "rounded.onnx").run(None, feed)[0]
    found = session(tmp_path / "sparse.onnx").run(None, feed)[0]
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()
