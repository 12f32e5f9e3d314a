"""Models on disk: checked, stripped, whole; and their sparsity read back from every form."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx_nets import Net, examples, lenet5, mlp, run

from lth_edge.convert.int8 import to_int8
from lth_edge.convert.model_file import file_bytes, layer_sparsity, read_model, save_model
from lth_edge.convert.standard import to_standard
from lth_edge.errors import DamagedError, InputError


def test_a_saved_model_comes_back_and_runs(tmp_path):
    model = mlp().model()
    save_model(model, tmp_path / "folder" / "dense.onnx")
    inputs = examples(3, 64)
    assert run(tmp_path / "folder" / "dense.onnx", inputs)[0].tobytes() == run(model, inputs)[0].tobytes()
    assert read_model(tmp_path / "folder" / "dense.onnx").graph.initializer == model.graph.initializer
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["dense.onnx"]


def test_stack_traces_and_notes_stay_out_of_the_file(tmp_path):
    model = mlp().model()
    model.ir_version = 10
    model.doc_string = model.graph.doc_string = "secret"
    for noted in (model.graph.node[0], model.graph.initializer[0], model.graph.value_info[0], model.graph):
        noted.doc_string = "secret"
        noted.metadata_props.add(key="stack_trace", value="secret")
    model.metadata_props.add(key="labels", value="0,1")
    branch = helper.make_graph([helper.make_node("Identity", ["input"], ["inner"], doc_string="secret")], "b", [], [])
    branch.output.append(helper.make_tensor_value_info("inner", 1, None))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(helper.make_node("If", ["yes"], ["chosen"], then_branch=branch, else_branch=branch))
    save_model(model, tmp_path / "m.onnx")
    assert b"secret" not in (tmp_path / "m.onnx").read_bytes()
    assert read_model(tmp_path / "m.onnx").metadata_props[0].key == "labels"
    assert model.doc_string == "secret"


@pytest.mark.parametrize(("opset", "ir_version"), [(18, 8), (20, 9), (21, 10), (23, 11)])
def test_the_oldest_file_format_that_knows_the_opset(tmp_path, opset, ir_version):
    model = mlp().model(opset=opset)
    model.ir_version = 11
    save_model(model, tmp_path / "m.onnx")
    assert read_model(tmp_path / "m.onnx").ir_version == ir_version
    run(tmp_path / "m.onnx", examples(1, 64))


def test_an_invalid_model_is_refused_and_nothing_is_written(tmp_path):
    wrong_operator, wrong_shape = mlp().model(), mlp().model()
    wrong_operator.graph.node[0].op_type = "Nothing"
    wrong_shape.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.zeros((9, 9), np.float32), "0.weight"))
    for model in (wrong_operator, wrong_shape):
        with pytest.raises(InputError, match="would not be valid ONNX"):
            save_model(model, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_model_is_the_user_s_input(tmp_path):
    for path in (tmp_path / "m.onnx", tmp_path):
        with pytest.raises(InputError, match="there is no ONNX file"):
            read_model(path)


def test_damaged_models_are_damage(tmp_path):
    save_model(mlp().model(), tmp_path / "m.onnx")
    whole = (tmp_path / "m.onnx").read_bytes()
    for content in (b"", b"\x80\x04N.", b"not a model", whole[: len(whole) // 2], whole[:100] + whole[200:]):
        (tmp_path / "m.onnx").write_bytes(content)
        with pytest.raises(DamagedError, match=r"m\.onnx"):
            read_model(tmp_path / "m.onnx")


def test_weights_in_a_file_of_their_own_are_read(tmp_path):
    model = mlp().model()
    onnx.save_model(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    whole = read_model(tmp_path / "m.onnx")
    inputs = examples(2, 64)
    assert run(whole, inputs)[0].tobytes() == run(mlp().model(), inputs)[0].tobytes()
    held = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert file_bytes(tmp_path / "m.onnx") == held > sum(array.nbytes for array in mlp().arrays.values())
    (tmp_path / "m.data").write_bytes((tmp_path / "m.data").read_bytes()[:1000])
    with pytest.raises(DamagedError, match=r"m\.onnx"):
        read_model(tmp_path / "m.onnx")
    (tmp_path / "m.data").unlink()
    with pytest.raises(DamagedError, match=r"m\.onnx"):
        read_model(tmp_path / "m.onnx")


def counts(net):
    return [(name, net.arrays[name].shape, np.count_nonzero(net.arrays[name])) for name in net.masks]


@pytest.mark.parametrize("net", [mlp(), mlp(trans_b=0), lenet5(density=0.05)])
def test_dense_and_standard_files_show_the_same_sparsity(net):
    model = net.model()
    for form in (model, to_standard(model, net.masks)):
        layers = layer_sparsity(form)
        assert [(layer.name, layer.shape, layer.nonzero) for layer in layers] == counts(net)
        assert all(layer.weights == np.prod(layer.shape) for layer in layers)
        assert layers[0].density == layers[0].nonzero / layers[0].weights


def test_quantised_weights_are_zero_at_their_zero_point(tmp_path):
    net = mlp(density=0.2)
    for name, mask in net.masks.items():
        net.arrays[name] = np.where(mask, np.sign(net.arrays[name]) + 1.5, 0).astype(np.float32)
    save_model(net.model(), tmp_path / "dense.onnx")
    to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", [{"input": examples(20, 64)}])
    layers = layer_sparsity(read_model(tmp_path / "int8.onnx"))
    assert [layer.nonzero for layer in layers] == [np.count_nonzero(mask) for mask in net.masks.values()]


@pytest.mark.parametrize(
    ("zero_point", "axis"),
    [(np.array([5, 0], np.int8), 0), (np.array([5, 5, 0], np.int8), -1), (np.int8(5), 1)],
)
def test_zero_points_other_than_zero(zero_point, axis):
    quantised = np.array([[5, 5, 0], [0, 5, 0]], np.int8)
    net = Net([2])
    scale = np.ones(np.shape(zero_point), np.float32)
    inputs = [net.constant("q", quantised), net.constant("scale", scale), net.constant("zero", zero_point)]
    net.node("MatMul", ["input", net.node("DequantizeLinear", inputs, axis=axis)])
    expected = np.count_nonzero(quantised != (zero_point[:, None] if axis == 0 else zero_point))
    (layer,) = layer_sparsity(net.model())
    assert (layer.name, layer.nonzero) == ("q", expected)


def test_transposed_constant_nodes_and_shared_weights_are_seen_once():
    net = Net([3])
    value = np.array([[0, 1, 0], [2, 0, 0], [0, 0, 3]], np.float32)
    weight = net.node("Constant", [], value=numpy_helper.from_array(value))
    net.nodes[-1].ClearField("input")
    turned = net.node("Transpose", [weight], perm=[1, 0])
    net.node("MatMul", [net.node("MatMul", ["input", turned]), turned])
    assert [(layer.name, layer.shape, layer.nonzero) for layer in layer_sparsity(net.model())] == [(weight, (3, 3), 3)]


def test_products_of_activations_have_no_weights():
    net = Net([3, 3])
    net.node("MatMul", ["input", net.node("Relu")])
    assert layer_sparsity(net.model()) == []
