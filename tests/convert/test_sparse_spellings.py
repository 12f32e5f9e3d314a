"""Weights and epilogues as they are met in the wild."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_nets import Net, mlp
from sparse_check import attributes, check, ops

from lth_edge.convert.model_file import layer_sparsity, read_model
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.standard import to_standard
from lth_edge.errors import DamagedError


def sparse_array(*shape, density=0.2, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < density, rng.standard_normal(shape), 0).astype(np.float32)


def constant_node(net, array):
    name = net.node("Constant", [], value=numpy_helper.from_array(array))
    net.nodes[-1].ClearField("input")
    return name


def quantised(net, weight, axis, zero_points):
    """A weight behind DequantizeLinear; one scale and zero point along `axis`."""
    count = weight.shape[axis]
    shape = [-1 if at == axis else 1 for at in range(weight.ndim)]
    scale = np.linspace(0.01, 0.02, count).astype(np.float32)
    zeros = np.resize(zero_points, count)
    q = np.clip(np.rint(weight / scale.reshape(shape)) + zeros.reshape(shape), -120, 120).astype(np.int8)
    parts = [net.constant("q", q), net.constant("steps", scale), net.constant("zeros", zeros.astype(np.int8))]
    return net.node("DequantizeLinear", parts, axis=axis)


WEIGHTS = {
    "constant node": constant_node,
    "transposed": lambda net, w: net.node("Transpose", [net.constant("w", w.T)], perm=[1, 0]),
    "identity": lambda net, w: net.node("Identity", [net.constant("w", w)]),
    "reshaped": lambda net, w: net.node("Reshape", [net.constant("w", w.reshape(-1)), net.constant("s", [12, 8])]),
    "unsqueezed": lambda net, w: net.node(
        "Squeeze", [net.node("Unsqueeze", [net.constant("w", w), net.constant("a", [0])]), net.constant("b", [0])]
    ),
    "cast from float16": lambda net, w: net.node("Cast", [net.constant("w", w.astype(np.float16))], to=1),
    "cast from double": lambda net, w: net.node("Cast", [net.constant("w", w.astype(np.float64))], to=1),
    "weight times mask": lambda net, w: net.node(
        "Mul", [net.constant("w", np.where(w == 0, 1, w).astype(np.float32)), net.constant("m", np.float32(w != 0))]
    ),
    "scale per row": lambda net, w: quantised(net, w, 1, [0]),
    "scale per column": lambda net, w: quantised(net, w, 0, [0]),
    "zero points": lambda net, w: quantised(net, w, 1, [3, 0, -2]),
    "quantise and dequantise": lambda net, w: net.node(
        "DequantizeLinear",
        [net.node("QuantizeLinear", [net.constant("w", w), net.constant("z", np.float32(0.1))]), "z"],
    ),
}


@pytest.mark.parametrize("spelling", WEIGHTS)
def test_weights_in_the_wild(spelling):
    net = Net([12])
    weight = WEIGHTS[spelling](net, sparse_array(12, 8))
    net.node("MatMul", ["input", weight])
    converted = check(net.model(), 4, 12, min_sparsity=0.3)
    assert ops(converted) == ["SparseLinear"]
    assert all(tensor.name.rpartition(".")[2] in PARTS for tensor in converted.model.graph.initializer)


PARTS = {"indptr", "indices", "data", "scale", "bias"}


@pytest.mark.parametrize(
    ("spelling", "kind"),
    [
        ("cast from float16", TensorProto.FLOAT16),
        ("scale per row", TensorProto.INT8),
        ("zero points", TensorProto.INT8),
        ("scale per column", TensorProto.FLOAT),
        ("cast from double", TensorProto.FLOAT),
    ],
)
def test_what_is_stored_in_fewer_bits_stays_so(spelling, kind):
    net = Net([12])
    net.node("MatMul", ["input", WEIGHTS[spelling](net, sparse_array(12, 8))])
    (data,) = (t for t in to_sparse(net.model()).model.graph.initializer if t.name.endswith(".data"))
    assert data.data_type == kind


def test_one_scale_for_all_and_a_bias_behind_dequantisation():
    net = Net([2, 6, 6])
    scale = net.constant("s", np.float32(0.05))
    weight = net.node("DequantizeLinear", [net.constant("q", np.int8(sparse_array(4, 2, 3, 3) * 40)), scale])
    bias = net.node("DequantizeLinear", [net.constant("b", np.arange(4, dtype=np.int32)), scale])
    net.node("Conv", ["input", weight, bias])
    assert ops(check(net.model(), 2, 2, 6, 6)) == ["SparseConv"]


def test_gaps_are_read_and_their_nodes_go():
    net = mlp(density=0.2)
    standard = to_standard(net.model(), net.masks)
    assert any(node.op_type == "ScatterElements" for node in standard.graph.node)
    converted = check(standard, 3, 64)
    assert ops(converted) == ["SparseLinear"]
    assert [layer.name for layer in converted.layers] == ["0.weight", "1.weight", "2.weight"]


def test_sparse_initializers():
    net = mlp(density=0.2)
    model = net.model()
    (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == "0.weight")
    weight = numpy_helper.to_array(tensor)
    positions = np.flatnonzero(weight)
    values = numpy_helper.from_array(weight.reshape(-1)[positions], "0.weight")
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, numpy_helper.from_array(positions, "p"), weight.shape)
    )
    model.graph.initializer.remove(tensor)
    converted = check(model, 3, 64)
    assert ops(converted) == ["SparseLinear"] and not converted.model.graph.sparse_initializer


def test_shared_weights_are_converted_everywhere_and_kept_for_other_readers():
    for outside in (False, True):
        net = Net([8])
        weight = net.weight("w", (8, 8), 0.2, 0)
        for _ in range(2):
            net.node("Gemm", [net.last, weight], transB=1)
            net.node("Sigmoid")
        if outside:
            net.node("Add", [net.last, net.node("ReduceSum", [weight], keepdims=0)])
        converted = check(net.model(), 3, 8)
        assert ops(converted).count("SparseLinear") == 2
        names = [tensor.name for tensor in converted.model.graph.initializer]
        assert ("w" in names) == outside and names.count("w.data") == 1
        assert [layer.name for layer in converted.layers] == ["w", "w"]


def test_unused_initializers_stay_and_orphans_go():
    net = mlp(density=0.2)
    net.constant("unused", np.zeros(3, np.float32))
    converted = to_sparse(net.model()).model
    assert "unused" in {tensor.name for tensor in converted.graph.initializer}
    assert "0.weight" not in {tensor.name for tensor in converted.graph.initializer}
    assert {value.name for value in converted.graph.value_info} <= {
        name for node in converted.graph.node for name in node.output
    }


def test_a_weight_that_a_caller_may_override_stays():
    model = mlp(density=0.2).model()
    model.graph.input.append(helper.make_tensor_value_info("1.weight", 1, [100, 300]))
    converted = check(model, 3, 64)
    assert [layer.converted for layer in converted.layers] == [True, False, True]
    assert converted.layers[1].reason == "left dense: its weight is a graph input that a caller may override"
    assert converted.layers[1].shape == (100, 300)


def test_files_older_than_that_list_every_initializer_as_an_input():
    model = mlp(density=0.2).model(opset=8)
    model.ir_version = 3
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    assert ops(check(model, 3, 64)) == ["SparseLinear"]


def test_external_data(tmp_path):
    model = mlp(density=0.2).model()
    onnx.save_model(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    assert ops(check(read_model(tmp_path / "m.onnx"), 3, 64)) == ["SparseLinear"]


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_activations_of_other_types_stay(kind):
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    net = Net([8], kind)
    net.node("MatMul", ["input", net.constant("w", sparse_array(8, 8).astype(dtype))])
    converted = to_sparse(net.model())
    assert converted.model == net.model()
    assert converted.layers[0].reason == f"left dense: its activations are {np.dtype(dtype).name}"


def test_layers_without_a_sparse_form_are_named():
    net = Net([2, 5, 5, 5])
    net.node("Conv", ["input", net.constant("w3", sparse_array(2, 2, 3, 3, 3))])
    net.node("Squeeze", [net.last, net.constant("axis", [4])])
    net.nodes[-1].input[1] = net.constant("shape", [0, 2, 3, 9])
    net.nodes[-1].op_type = "Reshape"
    net.node("ConvTranspose", [net.last, net.constant("wt", sparse_array(2, 3, 2, 2))])
    reasons = {layer.name: layer.reason for layer in check(net.model(), 2, 2, 5, 5, 5).layers}
    assert reasons == {
        "w3": "left dense: it is a convolution over 3 axes; 1 and 2 are known",
        "wt": "left dense: there is no sparse ConvTranspose",
    }


def test_products_of_activations_are_no_layers():
    net = Net([3, 3])
    net.node("MatMul", ["input", net.node("Relu")])
    assert to_sparse(net.model()).layers == []


def test_layers_inside_branches():
    net = Net([6])
    net.weight("outer", (6, 6), 0.2, 0)
    inner = numpy_helper.from_array(sparse_array(6, 6, seed=1), "inner")
    nodes = [
        helper.make_node("Gemm", ["input", "outer"], ["a"], transB=1),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Gemm", ["b", "inner"], ["c"]),
    ]
    value = helper.make_tensor_value_info("c", 1, ["batch", 6])
    then = helper.make_graph(nodes, "then", [], [value], [inner])
    otherwise = helper.make_graph([helper.make_node("Neg", ["input"], ["c"])], "else", [], [value])
    net.node("Greater", [net.node("ReduceSum", ["input"], keepdims=0), net.constant("zero", np.float32(0))])
    net.node("If", [net.last], then_branch=then, else_branch=otherwise)
    model = net.model()
    for sign in (1, -1):
        converted = check(model, feeds={"input": np.full((2, 6), sign, np.float32)})
    assert [layer.reason for layer in converted.layers] == [
        "SparseLinear, layer 1 of 2, with Relu",
        "SparseLinear, layer 2 of 2",
    ]
    assert "outer" not in {tensor.name for tensor in converted.model.graph.initializer}
    (branch,) = (a.g for a in converted.model.graph.node[-1].attribute if a.name == "then_branch")
    assert [node.op_type for node in branch.node] == ["SparseLinear"]


def test_functions_of_the_model_s_own_are_opened():
    body = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    function = helper.make_function("own", "Dense", ["x", "w"], ["y"], body, [helper.make_opsetid("", 18)])
    net = Net([6])
    net.weight("w", (6, 6), 0.2, 1)
    net.nodes.append(helper.make_node("Dense", ["input", "w"], ["out"], domain="own"))
    value = helper.make_tensor_value_info("out", 1, ["batch", 6])
    graph = helper.make_graph(net.nodes, "g", [net.input], [value], [numpy_helper.from_array(net.arrays["w"], "w")])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, functions=[function], opset_imports=opsets, ir_version=8)
    assert ops(check(model, 3, 6)) == ["SparseLinear"]


def conv_net(bias=True):
    net = Net([3, 8, 8])
    net.conv("c", 3, 6, pad=1, density=0.2, bias=bias)
    return net


def number(net, value):
    return net.constant(f"n{len(net.arrays)}", np.float32(value))


def hard_swish_by_hand(net, divided_first):
    x = net.last
    clipped = net.node("Clip", [net.node("Add", [x, number(net, 3)]), number(net, 0), number(net, 6)])
    if divided_first:
        return net.node("Mul", [x, net.node("Div", [clipped, number(net, 6)])])
    return net.node("Div", [net.node("Mul", [x, clipped]), number(net, 6)])


def gelu_by_erf(net, order):
    x = net.last
    half = net.node("Mul", [x, number(net, 0.5)]) if order == "half first" else x
    grown = net.node("Add", [net.node("Erf", [net.node("Div", [x, number(net, np.sqrt(2))])]), number(net, 1)])
    product = net.node("Mul", [half, grown])
    return product if order == "half first" else net.node("Mul", [product, number(net, 0.5)])


def gelu_by_tanh(net):
    x = net.last
    cube = net.node("Mul", [net.node("Pow", [x, number(net, 3)]), number(net, 0.044715)])
    inner = net.node("Mul", [net.node("Add", [x, cube]), number(net, np.sqrt(2 / np.pi))])
    grown = net.node("Add", [net.node("Tanh", [inner]), number(net, 1)])
    return net.node("Mul", [net.node("Mul", [x, number(net, 0.5)]), grown])


def clip(net, *bounds):
    return net.node("Clip", [net.last, *("" if bound is None else number(net, bound) for bound in bounds)])


INF = float("inf")
ACTIVATIONS = {
    "relu": (lambda net: net.node("Relu"), 1, [0, INF]),
    "relu6": (lambda net: clip(net, 0, 6), 1, [0, 6]),
    "clip below": (lambda net: clip(net, -1), 1, [-1, INF]),
    "clip above": (lambda net: clip(net, None, 0.5), 1, [-INF, 0.5]),
    "relu, then clip": (lambda net: (net.node("Relu"), clip(net, -1, 0.5)), 1, [0, 0.5]),
    "two clips apart": (lambda net: (clip(net, -2, -1), clip(net, 0, 1)), 1, [0, 0]),
    "min and max": (
        lambda net: net.node("Min", [number(net, 1), net.node("Max", [net.last, number(net, 0)])]),
        1,
        [0, 1],
    ),
    "hard swish": (lambda net: net.node("HardSwish"), 2, None),
    "x times hard sigmoid": (
        lambda net: net.node("Mul", [net.last, net.node("HardSigmoid", alpha=1 / 6, beta=0.5)]),
        2,
        None,
    ),
    "hard swish by hand": (lambda net: hard_swish_by_hand(net, False), 2, None),
    "divided first": (lambda net: hard_swish_by_hand(net, True), 2, None),
    "gelu": (lambda net: net.node("Gelu"), 3, None),
    "gelu by erf": (lambda net: gelu_by_erf(net, "half last"), 3, None),
    "half first": (lambda net: gelu_by_erf(net, "half first"), 3, None),
    "gelu, tanh": (lambda net: net.node("Gelu", approximate="tanh"), 4, None),
    "gelu by tanh": (gelu_by_tanh, 4, None),
}


@pytest.mark.parametrize("spelling", ACTIVATIONS)
def test_activations_in_the_wild(spelling):
    write, kind, bounds = ACTIVATIONS[spelling]
    net = conv_net()
    write(net)
    converted = check(net.model(opset=20), 2, 3, 8, 8)
    assert ops(converted) == ["SparseConv"]
    found = attributes(converted.model.graph.node[0])
    assert found["activation"] == [kind]
    assert bounds is None or found["bounds"] == bounds


OTHERS = {
    "sigmoid": lambda net: net.node("Sigmoid"),
    "swish": lambda net: net.node("Mul", [net.last, net.node("Sigmoid")]),
    "x times another hard sigmoid": lambda net: net.node("Mul", [net.last, net.node("HardSigmoid")]),
    "quick gelu": lambda net: net.node(
        "Mul", [net.last, net.node("Sigmoid", [net.node("Mul", [net.last, number(net, 1.702)])])]
    ),
    "leaky relu": lambda net: net.node("LeakyRelu"),
    "a bound a channel": lambda net: net.node("Max", [net.last, net.constant("m", np.zeros((6, 1, 1), np.float32))]),
    "more axes": lambda net: net.node("Max", [net.last, net.constant("m", np.zeros((1,) * 5, np.float32))]),
    "a bound that is computed": lambda net: net.node("Clip", [net.last, net.node("ReduceMin", ["input"], keepdims=0)]),
}


@pytest.mark.parametrize("spelling", OTHERS)
def test_what_is_none_of_them_stays(spelling):
    net = conv_net()
    OTHERS[spelling](net)
    converted = check(net.model(), 2, 3, 8, 8)
    assert "SparseConv" in ops(converted) and len(ops(converted)) > 1


def test_an_activation_whose_input_is_read_elsewhere_stays():
    net = conv_net()
    before = net.last
    net.node("Relu")
    assert sorted(ops(check(net.model([before]), 2, 3, 8, 8))) == ["Relu", "SparseConv"]


@pytest.mark.parametrize("shape", [(), (1,), (6, 1, 1), (1, 6, 1, 1), (1, 1, 1)])
def test_a_bias_added_later(shape):
    for bias in (False, True):
        net = conv_net(bias)
        net.node("Add", [net.constant("later", np.full(shape, 2, np.float32)), net.last])
        assert ops(check(net.model(), 2, 3, 8, 8)) == ["SparseConv"]


@pytest.mark.parametrize("shape", [(8,), (8, 8), (1, 1, 1, 1, 1), (2, 1, 1, 1)])
def test_what_is_added_and_no_bias(shape):
    net = conv_net()
    net.node("Add", [net.last, net.constant("later", np.ones(shape, np.float32))])
    assert ops(check(net.model(), 2, 3, 8, 8)) == ["SparseConv", "Add"]


def batch_norm(net, channels, **settings):
    parts = [net.last]
    for part, low in (("scale", 0.5), ("shift", -1), ("mean", -1), ("variance", 0.1)):
        parts.append(net.constant(f"bn{len(net.arrays)}.{part}", np.float32(net.rng.uniform(low, 2, channels))))
    return net.node("BatchNormalization", parts, **settings)


@pytest.mark.parametrize("bias", [False, True])
def test_batch_norm_is_folded(bias):
    net = conv_net(bias)
    batch_norm(net, 6, epsilon=0.01)
    net.node("Relu")
    net.node("Flatten")
    net.gemm("f", 6 * 64, 5, 0.2, bias=bias)
    batch_norm(net, 5)
    converted = check(net.model(), 2, 3, 8, 8)
    assert ops(converted) == ["SparseConv", "Flatten", "SparseLinear"]
    assert converted.layers[0].reason == "SparseConv, layer 1 of 1, with batch norm, Relu"


def test_quantised_weights_stay_so_behind_batch_norm():
    net = Net([3, 6, 6])
    net.node("Conv", ["input", quantised(net, sparse_array(4, 3, 3, 3), 0, [0])])
    batch_norm(net, 4)
    converted = check(net.model(), 2, 3, 6, 6)
    (data,) = (t for t in converted.model.graph.initializer if t.name.endswith(".data"))
    assert ops(converted) == ["SparseConv"] and data.data_type == TensorProto.INT8


def test_batch_norm_that_cannot_be_folded_stays():
    net = conv_net()
    before = net.last
    batch_norm(net, 6)
    assert "BatchNormalization" in ops(check(net.model([before]), 2, 3, 8, 8))
    net = Net([6, 8])
    net.matmul("w", 8, 4, 0.2, bias=False)
    batch_norm(net, 6)
    assert ops(check(net.model(), 2, 6, 8)) == ["SparseLinear", "BatchNormalization"]


def test_inspection_sees_the_same_weights():
    net = mlp(density=0.2)
    before, after = layer_sparsity(net.model()), layer_sparsity(to_sparse(net.model()).model)
    assert before == after


def test_a_weight_that_contradicts_itself_is_left():
    net = Net([8])
    net.node("MatMul", ["input", net.node("Transpose", [net.constant("w", sparse_array(8, 8))], perm=[1, 0])])
    model = net.model()
    model.graph.node[0].attribute[0].ints.append(2)
    assert to_sparse(model).layers[0].reason.endswith("a Transpose that contradicts itself")


def test_a_damaged_node_of_ours_is_damage():
    for change in (
        lambda node: node.attribute.remove(next(a for a in node.attribute if a.name == "columns")),
        lambda node: node.input.pop(),
    ):
        model = to_sparse(mlp(density=0.2).model()).model
        change(model.graph.node[0])
        del model.graph.node[0].input[3:]
        with pytest.raises(DamagedError, match="SparseLinear"):
            layer_sparsity(model)
