"""What becomes of an ONNX model on its way to C: layers, or a refusal that names the node."""

import numpy as np
import onnx
import pytest
from c_build import made_of
from c_nets import bytes_net, digits_images, residual_net, series_net
from onnx import TensorProto, helper
from onnx_nets import Net, examples, lenet5, mlp, run

from lth_edge.convert.c_program.layers import Add, Pool, Prepare, Weighted
from lth_edge.convert.c_program.make import make
from lth_edge.convert.c_program.read import read_network
from lth_edge.convert.int8 import to_int8
from lth_edge.convert.model_file import read_model, save_model
from lth_edge.convert.standard import to_standard
from lth_edge.errors import InputError, ProofError


def kinds(network):
    return [type(layer).__name__ for layer in network.layers]


def test_clips_and_bias_are_part_of_a_layer_and_a_flatten_costs_nothing():
    network = read_network(lenet5().model())
    assert kinds(network) == ["Weighted", "Pool", "Weighted", "Pool", "Weighted", "Weighted"]
    assert [layer.clip for layer in network.layers if isinstance(layer, Weighted)][-2:] == [
        (0.0, np.inf),
        (-np.inf, np.inf),
    ]


def test_weights_stored_as_gaps_are_read_like_dense_ones():
    net = mlp()
    dense, gaps = read_network(net.model()), read_network(to_standard(net.model(), net.masks))
    for one, other in zip(dense.layers, gaps.layers, strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)


def test_a_residual_is_added_after_both_of_its_sides_whatever_comes_first_in_the_file():
    net = Net([2, 6, 6])
    net.conv("stem", 2, 4, pad=1)
    stem = net.node("Relu")
    long = net.conv("long", 4, 4, pad=1)
    net.last = stem
    short = net.conv("short", 4, 4, kernel=1)
    net.node("Add", [long, short])
    net.node("Relu")
    made, _ = made_of(net.model(), examples(2, 2, 6, 6))
    assert kinds(made.network) == ["Weighted", "Weighted", "Weighted", "Add"]
    assert made.network.layers[-1].clip == (0.0, np.inf)
    assert isinstance(made.network.layers[-1], Add)


def test_preprocessing_is_one_layer_whatever_its_nodes():
    (prepare,) = [layer for layer in read_network(bytes_net()).layers if isinstance(layer, Prepare)]
    np.testing.assert_allclose(prepare.mean, [120, 100, 90])
    np.testing.assert_allclose(prepare.factor, [0.02, 0.015, -0.01], rtol=1e-6)
    assert prepare.channels_last


def test_a_mean_over_all_positions_is_a_pool_with_one_window():
    (pool,) = [layer for layer in read_network(series_net()).layers if isinstance(layer, Pool) and layer.mean]
    assert pool.window.kernel == (pool.reads.height, pool.reads.width)


def test_batch_norm_is_folded():
    net = Net([2, 5, 5])
    net.conv("conv", 2, 3)
    rng = np.random.default_rng(0)
    names = [net.constant(name, rng.random(3).astype(np.float32) + 0.5) for name in ("scale", "shift", "mean", "var")]
    net.node("BatchNormalization", [net.last, *names])
    made, _ = made_of(net.model(), examples(3, 2, 5, 5))
    assert kinds(made.network) == ["Weighted"]


@pytest.mark.parametrize(
    ("operator", "attributes"), [("Softmax", {}), ("Sigmoid", {}), ("Exp", {}), ("LRN", {"size": 3})]
)
def test_an_operator_without_a_kernel_is_named(operator, attributes):
    net = Net([1, 8, 8])
    net.conv("conv", 1, 2)
    name = net.node(operator, **attributes)
    with pytest.raises(InputError, match=f"{operator} '{name}' cannot be written in C") as error:
        read_network(net.model())
    assert error.value.mend


def test_a_softmax_is_told_how_to_go():
    net = Net([8])
    net.gemm("head", 8, 3)
    net.node("Softmax")
    with pytest.raises(InputError, match="logits"):
        read_network(net.model())


def test_gelu_needs_integers():
    net = Net([8])
    net.gemm("hidden", 8, 6)
    net.node("Gelu")
    net.gemm("head", 6, 3)
    model, inputs = net.model(opset=20), examples(5, 8)
    made, outputs = made_of(model, inputs, "int8", "int8")
    assert np.abs(made.gives(inputs) * made.quantised.output_scale - outputs).max() < 0.1 * np.abs(outputs).max()
    with pytest.raises(InputError, match="--activations int8"):
        made_of(model, inputs)[0].program("net")


def test_a_quantised_file_is_refused_for_its_ticket(tmp_path):
    save_model(lenet5(density=1.0).model(), tmp_path / "dense.onnx")
    to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", [{"input": examples(4, 1, 12, 12)}])
    with pytest.raises(InputError, match=r"QuantizeLinear .*\n.*ticket.onnx"):
        read_network(read_model(tmp_path / "int8.onnx"))


@pytest.mark.parametrize("type_", [TensorProto.INT64, TensorProto.DOUBLE])
def test_an_input_of_another_type_is_refused(type_):
    net = Net([8], type_)
    net.node("Cast", to=TensorProto.FLOAT)
    net.gemm("head", 8, 3)
    with pytest.raises(InputError, match="'input' is neither float32 nor of 8 bits"):
        read_network(net.model())


def test_sizes_that_are_free_are_refused():
    net = Net(["length", 8])
    net.matmul("head", 8, 3, bias=False)
    with pytest.raises(InputError, match="sizes of 'input' are not known"):
        read_network(net.model())


def test_tokens_are_refused():
    net = Net([5, 8])
    net.matmul("head", 8, 3, bias=False)
    with pytest.raises(InputError, match=r"MatMul .* several positions"):
        read_network(net.model())


def test_preprocessing_pixel_by_pixel_is_refused():
    net = Net([1, 4, 4])
    net.node("Sub", [net.last, net.constant("mean", np.arange(16, dtype=np.float32).reshape(1, 4, 4))])
    net.conv("conv", 1, 2)
    with pytest.raises(InputError, match="one mean and one scale a channel"):
        read_network(net.model())


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_a_window_over_padding_alone_is_refused(operator):
    net = Net([1, 2, 2])
    net.conv("conv", 1, 2, kernel=1)
    net.node(operator, kernel_shape=[2, 2], dilations=[3, 3], pads=[1, 1, 1, 1])
    with pytest.raises(InputError, match="covers padding alone"):
        read_network(net.model(opset=19))


def test_two_inputs_are_refused():
    net = Net([8])
    net.gemm("head", 8, 3)
    model = net.model()
    model.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["batch", 8]))
    with pytest.raises(InputError, match="2 inputs and 1 outputs"):
        read_network(model)


def test_a_network_without_weights_is_refused():
    net = Net([1, 4, 4])
    net.node("Relu")
    with pytest.raises(InputError, match="no layer with weights"):
        read_network(net.model())


def test_weights_that_are_not_finite_are_refused():
    net = Net([4])
    weight = np.ones((3, 4), np.float32)
    weight[1, 2] = np.nan
    net.node("Gemm", [net.last, net.constant("w", weight)], transB=1)
    with pytest.raises(InputError, match="Gemm w has weights that are not finite"):
        made_of(net.model(), examples(2, 4))


def test_a_network_of_zeros_is_refused():
    net = Net([4])
    net.node("Gemm", [net.last, net.constant("w", np.zeros((3, 4), np.float32))], transB=1)
    with pytest.raises(InputError, match="every weight of the network is zero"):
        made_of(net.model(), examples(2, 4))


def test_float_weights_do_not_go_with_integer_activations():
    with pytest.raises(InputError, match="need int8 weights"):
        made_of(mlp().model(), examples(2, 64), "fp32", "int8")


def test_a_network_that_was_read_wrongly_is_no_program():
    model, inputs = residual_net(), digits_images(2)
    outputs = run(model, inputs)[0] * np.float32(1.001)
    with pytest.raises(ProofError, match=r"off by 0.00\d+ of the largest output"):
        make(model, "fp32", "fp32", inputs, inputs, outputs)


def test_models_are_left_as_they_are():
    model = residual_net()
    before = onnx.ModelProto()
    before.CopyFrom(model)
    read_network(model)
    assert model == before
