import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lth_edge.errors import DamagedError, InputError
from lth_edge.runtime.session import session


def _model(op="Mul"):
    """y = x op 0.5 per element."""
    half = helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])
    node = helper.make_node(op, ["x", "half"], ["y"])
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("x", "y")]
    graph = helper.make_graph([node], "half", value[:1], value[1:], [half])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.fixture
def path(tmp_path):
    onnx.save(_model(), tmp_path / "half.onnx")
    return tmp_path / "half.onnx"


@pytest.mark.parametrize("threads", [1, 2])
def test_runs_a_model_from_a_path_or_a_string(path, threads):
    for given in (path, str(path)):
        (y,) = session(given, threads).run(None, {"x": np.array([2.0, -4.0], np.float32)})
        np.testing.assert_array_equal(y, [1.0, -2.0])


def test_options_are_the_stated_ones(path):
    options = session(path, 2).get_session_options()
    assert options.intra_op_num_threads == 2
    assert options.execution_mode.name == "ORT_SEQUENTIAL"
    assert options.graph_optimization_level.name == "ORT_ENABLE_ALL"
    assert options.get_session_config_entry("session.force_spinning_stop") == "1"
    assert session(path).get_session_options().intra_op_num_threads == 1
    assert session(path).get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize("flush", [False, True])
def test_denormals_become_zero_on_request_alone(path, flush):
    # A process of its own: the first session of a process decides for the calling thread.
    code = (
        "import sys, numpy as np; from lth_edge.runtime.session import session\n"
        "smallest = np.array([1e-38], np.float32)\n"
        f"(y,) = session(sys.argv[1], flush_denormals={flush}).run(None, {{'x': smallest}})\n"
        f"assert (y.view(np.uint32)[0] == 0) is np.bool_({flush})\n"
        f"assert ((smallest * np.float32(0.5)).view(np.uint32)[0] == 0) is np.bool_({flush})"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


def test_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"no model file .*gone\.onnx"):
        session(tmp_path / "gone.onnx")
    with pytest.raises(InputError, match="no model file"):
        session(tmp_path)


def test_threads_below_one_are_refused(path):
    with pytest.raises(InputError, match="0 threads"):
        session(path, 0)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04K\x01."])
def test_unreadable_file_is_damaged(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"broken\.onnx"):
        session(path)


def test_truncated_file_is_damaged(path):
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DamagedError, match=r"half\.onnx"):
        session(path)


def test_unknown_operator_is_refused(tmp_path):
    onnx.save(_model("NoSuchOperator"), tmp_path / "odd.onnx")
    with pytest.raises(DamagedError, match="NoSuchOperator"):
        session(tmp_path / "odd.onnx")


def test_operator_without_a_kernel_is_an_input_error(tmp_path):
    x, y = (helper.make_tensor_value_info(name, TensorProto.BFLOAT16, ["n"]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "abs", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "abs.onnx")
    with pytest.raises(InputError, match=r"abs\.onnx needs what this onnxruntime lacks"):
        session(tmp_path / "abs.onnx")


def test_imports_neither_torch_nor_onnx():
    code = "import sys, lth_edge.runtime.session; assert not {'torch', 'onnx', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
