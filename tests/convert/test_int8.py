"""onnxruntime's static quantisation, from a file to a file, silently."""

import logging

import numpy as np
import onnx
import pytest
from onnx_nets import Net, examples, lenet5, mlp, run

from lth_edge.convert.int8 import to_int8
from lth_edge.convert.model_file import save_model
from lth_edge.errors import InputError


def uint8_mlp():
    """Raw bytes in: the Cast and the scaling are part of the graph."""
    net = Net([64], onnx.TensorProto.UINT8)
    net.node("Cast", to=onnx.TensorProto.FLOAT)
    net.node("Div", [net.last, net.constant("scale", np.float32(255))])
    net.gemm("0", 64, 30)
    net.node("Relu")
    net.gemm("1", 30, 10)
    return net


def matmul_mlp():
    net = Net([64])
    net.matmul("0", 64, 30)
    net.node("Relu")
    net.matmul("1", 30, 10)
    return net


def raw_bytes(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


CASES = {
    "mlp": (lambda: mlp(density=0.5), examples(64, 64)),
    "matmul": (matmul_mlp, examples(64, 64)),
    "conv": (lambda: lenet5(density=0.7, pad=1), examples(64, 1, 12, 12)),
    "uint8": (uint8_mlp, raw_bytes(64, 64)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_int8_file_is_valid_int8_and_close(tmp_path, case):
    make, inputs = CASES[case]
    save_model(make().model(), tmp_path / "dense.onnx")
    to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", ({"input": part} for part in np.split(inputs, 4)))
    quantised = onnx.load(tmp_path / "int8.onnx")
    onnx.checker.check_model(quantised, full_check=True)
    stored = {tensor.data_type for tensor in quantised.graph.initializer if len(tensor.dims) > 1}
    assert stored == {onnx.TensorProto.INT8}
    dense, int8 = (run(tmp_path / name, inputs)[0] for name in ("dense.onnx", "int8.onnx"))
    assert dense.shape == int8.shape
    assert np.abs(dense - int8).max() < 0.1 * np.abs(dense).max()


def test_each_output_channel_has_its_own_scale(tmp_path):
    net = mlp(density=1.0)
    net.arrays["0.weight"] *= np.logspace(-3, 0, 300, dtype=np.float32)[:, None]
    save_model(net.model(), tmp_path / "dense.onnx")
    to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", [{"input": examples(8, 64)}])
    scales = {tensor.name: tuple(tensor.dims) for tensor in onnx.load(tmp_path / "int8.onnx").graph.initializer}
    assert scales["0.weight_scale"] == (300,)


def test_it_says_nothing_and_leaves_no_stray_file(tmp_path, monkeypatch, capfd, caplog):
    (tmp_path / "temporary").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "here")
    save_model(mlp().model(), tmp_path / "dense.onnx")
    to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", [{"input": examples(8, 64)}])
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert logging.root.manager.disable == 0
    names = {path.name for path in tmp_path.rglob("*")}
    assert names == {"temporary", "here", "dense.onnx", "int8.onnx"}


def test_quantising_twice_gives_the_same_bytes(tmp_path):
    save_model(lenet5(density=0.5).model(), tmp_path / "dense.onnx")
    for name in ("one", "two"):
        to_int8(tmp_path / "dense.onnx", tmp_path / name, [{"input": examples(8, 1, 12, 12)}])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("batches", [[], [{"input": examples(8, 65)}], [{"nothing": examples(8, 64)}]])
def test_unusable_calibration_is_refused_and_nothing_is_written(tmp_path, batches):
    save_model(mlp().model(), tmp_path / "dense.onnx")
    with pytest.raises(InputError, match="calibration"):
        to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", batches)
    assert not (tmp_path / "int8.onnx").exists()


def test_a_missing_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no ONNX file"):
        to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", [{"input": examples(8, 64)}])


def test_a_model_too_old_for_scales_per_channel_is_refused(tmp_path):
    save_model(mlp().model(opset=12), tmp_path / "dense.onnx")
    with pytest.raises(InputError, match="opset 12"):
        to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", [{"input": examples(8, 64)}])


def test_a_network_that_onnxruntime_cannot_run_is_one_error_and_no_log(tmp_path, caplog):
    model = mlp().model()
    model.graph.node[1].domain = "somebody.else"
    model.opset_import.append(onnx.helper.make_opsetid("somebody.else", 1))
    onnx.save(model, tmp_path / "dense.onnx")
    with pytest.raises(InputError, match="cannot quantise dense"):
        to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", [{"input": examples(8, 64)}])
    assert caplog.records == []
    assert logging.root.manager.disable == 0
