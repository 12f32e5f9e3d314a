import numpy as np
import onnx
import pytest

from lth_edge.bench.null_graph import null_feed, null_graph
from lth_edge.runtime.session import session


def test_the_bytes_are_a_valid_onnx_model():
    model = onnx.load_from_string(null_graph())
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == ["Identity"]
    assert model.SerializeToString(deterministic=True) == null_graph()


@pytest.mark.parametrize("batch", [1, 300])
def test_onnxruntime_runs_it(tmp_path, batch):
    (tmp_path / "null.onnx").write_bytes(null_graph())
    feed = null_feed(batch)
    (y,) = session(tmp_path / "null.onnx").run(None, feed)
    np.testing.assert_array_equal(y, feed["x"])
    assert y.shape == (batch,)
