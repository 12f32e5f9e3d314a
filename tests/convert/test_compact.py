"""Removing units changes sizes and nothing else."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from onnx_nets import Net, examples, lenet5, mlp, run

from lth_edge.convert.compact import Refusal, Removal, remove_dead_units
from lth_edge.convert.standard import to_standard
from lth_edge.errors import InputError

ACTIVATIONS = ["Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSwish"]


def arrays(model):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def input_shape(model):
    return [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim][1:]


def check(net, opset=18):
    """The compacted model is valid, fits its masks, and computes the same; returns it."""
    model = net.model(opset=opset)
    before = model.SerializeToString(deterministic=True)
    compacted = remove_dead_units(model, net.masks)
    assert model.SerializeToString(deterministic=True) == before
    onnx.checker.check_model(compacted.model, full_check=True)
    weights = arrays(compacted.model)
    assert compacted.masks.keys() == net.masks.keys()
    for name, mask in compacted.masks.items():
        assert mask.shape == weights[name].shape
        assert mask.size > 0
        assert not np.any(weights[name][~mask])
    for batch in (1, 5):
        inputs = examples(batch, *input_shape(model), seed=batch, scale=3.0)
        expected, actual = run(model, inputs)[0], run(compacted.model, inputs)[0]
        assert actual.shape == expected.shape
        assert np.abs(actual - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())
    return compacted


def removed(compacted):
    return {removal.layer: (removal.units, removal.folded, removal.unused) for removal in compacted.removals}


def reason(compacted, layer):
    return next((refusal.reason for refusal in compacted.refusals if refusal.layer == layer), None)


def prune(net, name, where):
    net.masks[name][where] = False
    net.arrays[name] = np.where(net.masks[name], net.arrays[name], np.float32(0))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    density=st.sampled_from([0.02, 0.1, 0.4]),
    trans_b=st.sampled_from([0, 1]),
    activation=st.sampled_from(ACTIVATIONS),
)
def test_chains_of_gemm_compute_the_same(seed, density, trans_b, activation):
    compacted = check(mlp(seed, density, (20, 30, 25, 6), trans_b, activation))
    assert compacted.removals


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    density=st.sampled_from([0.02, 0.15, 0.4]),
    pad=st.sampled_from([0, 1]),
    activation=st.sampled_from(ACTIVATIONS),
    pool=st.sampled_from(["MaxPool", "AveragePool"]),
    pads=st.sampled_from([0, 1]),
    reshape=st.booleans(),
)
def test_convolutions_compute_the_same(seed, density, pad, activation, pool, pads, reshape):
    pooling = {"pads": [pads] * 4, **({"count_include_pad": seed % 2} if pool == "AveragePool" else {})}
    net = lenet5(seed, density, pad=pad, activation=activation, pool=pool, reshape=reshape, **pooling)
    assert check(net).removals


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), bias=st.booleans(), opset=st.sampled_from([13, 18, 20]))
def test_matmuls_over_sequences_compute_the_same(seed, bias, opset):
    net = Net([4, 12], seed=seed)
    net.matmul("a", 12, 20, 0.1, bias=bias)
    net.node("Sigmoid")
    net.matmul("b", 20, 15, 0.2, bias=bias)
    if opset >= 18:
        net.node("ReduceMean", [net.last, net.constant("axes", np.array([1]))], keepdims=0)
    else:
        net.node("ReduceMean", axes=[1], keepdims=0)
    net.gemm("c", 15, 6, 0.4, trans_b=0, bias=bias)
    assert check(net, opset).removals


def gelu_by_hand(net):
    source = net.last
    scaled = net.node("Div", [source, net.constant("root", np.float32(1.4142135))])
    shifted = net.node("Add", [net.node("Erf", [scaled]), net.constant("one", np.float32(1))])
    net.node("Mul", [source, net.node("Mul", [net.constant("half", np.float32(0.5)), shifted])])


def silu_by_hand(net):
    net.node("Mul", [net.last, net.node("Sigmoid")])


def relu6(net):
    net.node("Clip", [net.last, net.constant("low", np.float32(0)), net.constant("high", np.float32(6))])


@pytest.mark.parametrize("activate", [gelu_by_hand, silu_by_hand, relu6, lambda net: net.node("Gelu")])
@pytest.mark.parametrize("over_space", ["GlobalAveragePool", "ReduceMean", "GlobalMaxPool"])
def test_activations_of_several_nodes_and_means_over_space(activate, over_space):
    net = Net([3, 8, 8])
    net.conv("a", 3, 16, density=0.2)
    activate(net)
    if over_space == "ReduceMean":
        net.node("ReduceMean", [net.last, net.constant("axes", np.array([-1, -2]))], keepdims=1)
    else:
        net.node(over_space)
    net.node("Reshape", [net.last, net.constant("flat", np.array([0, -1]))])
    net.gemm("b", 16, 5)
    assert check(net, opset=20).removals


def two_layers(bias, activation="Relu", trans_b=1, second_bias=True):
    """Four units: the second has no inputs and emits activation(bias), the third feeds nothing."""
    net = Net([3])
    net.gemm("a", 3, 4, trans_b=trans_b)
    net.node(activation)
    net.gemm("b", 4, 2, trans_b=trans_b, bias=second_bias)
    net.arrays["a.bias"][1] = bias
    units = (lambda at: at) if trans_b else (lambda at: (slice(None), at))
    inputs = (lambda at: (slice(None), at)) if trans_b else (lambda at: at)
    prune(net, "a.weight", units(1))
    prune(net, "b.weight", inputs(2))
    return net


@pytest.mark.parametrize("bias", [2.0, -2.0])
@pytest.mark.parametrize("trans_b", [0, 1])
@pytest.mark.parametrize("second_bias", [True, False])
def test_a_dead_unit_s_constant_goes_into_the_next_bias(bias, trans_b, second_bias):
    net = two_layers(bias, trans_b=trans_b, second_bias=second_bias)
    compacted = check(net)
    assert compacted.removals == [Removal("a.weight", units=4, folded=1, unused=1)]
    after = arrays(compacted.model)
    assert after["a.weight"].shape == ((2, 3) if trans_b else (3, 2))
    assert after["b.weight"].shape == (2, 2)
    outgoing = net.arrays["b.weight"][:, 1] if trans_b else net.arrays["b.weight"][1]
    expected = net.arrays.get("b.bias", np.zeros(2, np.float32)) + max(bias, 0.0) * outgoing
    (name,) = [name for name in after if name.startswith("b.") and "bias" in name]
    assert np.allclose(after[name], expected, atol=1e-6)


def test_the_mask_decides_and_not_the_values():
    net = Net([3])
    net.gemm("a", 3, 4)
    net.node("Relu")
    net.gemm("b", 4, 2)
    net.arrays["a.weight"][1] = 0.0
    net.arrays["b.weight"][:, 2] = 0.0
    assert check(net).removals == []
    del net.masks["a.weight"], net.masks["b.weight"]
    assert check(net).removals == []


def test_removals_go_on_until_nothing_changes():
    net = Net([3])
    for layer, (fan_in, units) in enumerate([(3, 4), (4, 4), (4, 4), (4, 2)]):
        net.gemm(str(layer), fan_in, units)
        if layer < 3:
            net.node("Sigmoid")
    prune(net, "0.weight", 0)
    prune(net, "1.weight", (0, slice(1, None)))
    prune(net, "2.weight", (0, slice(1, None)))
    prune(net, "3.weight", (slice(None), 3))
    prune(net, "2.weight", (slice(0, 3), 3))
    prune(net, "1.weight", (slice(0, 3), 3))
    assert removed(check(net)) == {"0.weight": (4, 1, 1), "1.weight": (4, 1, 1), "2.weight": (4, 1, 1)}


@pytest.mark.parametrize("layer", ["a", "b"])
def test_a_layer_that_is_all_dead_keeps_one_unit(layer):
    net = two_layers(1.5)
    prune(net, f"{layer}.weight", slice(None))
    compacted = check(net)
    assert compacted.masks["a.weight"].shape == (1, 3)
    assert sum(removed(compacted)["a.weight"][1:]) == 3


def conv_pair(bias, *, pad, activation="Relu", pool=None, **pooling):
    """Two convolutions of which the first has one unit without inputs."""
    net = Net([2, 8, 8])
    net.conv("a", 2, 4)
    net.arrays["a.bias"][1] = bias
    prune(net, "a.weight", 1)
    net.node(activation)
    if pool:
        net.node(pool, kernel_shape=[3, 3], **pooling)
    net.conv("b", 4, 3, pad=pad)
    return net


@pytest.mark.parametrize(("bias", "folded"), [(2.0, False), (-2.0, True)])
def test_a_constant_goes_past_zero_padding_only_if_it_is_zero(bias, folded):
    compacted = check(conv_pair(bias, pad=1))
    assert removed(compacted) == ({"a.weight": (4, 1, 0)} if folded else {})
    assert ("1 dead units emit a constant" in (reason(compacted, "a.weight") or "")) is not folded
    assert removed(check(conv_pair(bias, pad=0))) == {"a.weight": (4, 1, 0)}


def test_an_activation_that_lifts_zero_is_seen():
    assert removed(check(conv_pair(0.0, pad=1, activation="Sigmoid"))) == {}
    assert removed(check(conv_pair(0.0, pad=1, activation="Tanh"))) == {"a.weight": (4, 1, 0)}


@pytest.mark.parametrize("automatic", ["SAME_UPPER", "SAME_LOWER", "VALID"])
def test_automatic_padding_is_padding(automatic):
    net = conv_pair(2.0, pad=0)
    del net.nodes[-1].attribute[:]
    net.nodes[-1].attribute.append(onnx.helper.make_attribute("auto_pad", automatic))
    assert bool(check(net).removals) is (automatic == "VALID")


@pytest.mark.parametrize(
    ("pooling", "folded"),
    [
        ({"pool": "MaxPool", "pads": [1] * 4}, True),
        ({"pool": "MaxPool", "strides": [2, 2], "ceil_mode": 1}, True),
        ({"pool": "AveragePool", "pads": [1] * 4}, True),
        ({"pool": "AveragePool", "pads": [1] * 4, "count_include_pad": 1}, False),
        ({"pool": "AveragePool", "count_include_pad": 1}, True),
        ({"pool": "AveragePool", "strides": [2, 2], "ceil_mode": 1, "count_include_pad": 1}, False),
        ({"pool": "AveragePool", "strides": [2, 2], "ceil_mode": 1}, True),
    ],
)
def test_pooling_keeps_constants_unless_it_counts_padding(pooling, folded):
    assert bool(check(conv_pair(2.0, pad=0, **pooling)).removals) is folded
    assert check(conv_pair(-2.0, pad=0, **pooling)).removals


def test_units_that_nothing_reads_go_whatever_the_padding():
    net = conv_pair(2.0, pad=1)
    prune(net, "b.weight", (slice(None), [1, 2]))
    assert removed(check(net)) == {"a.weight": (4, 0, 2)}


def test_a_constant_that_is_not_finite_stays():
    net = two_layers(100.0, activation="Exp")
    compacted = remove_dead_units(net.model(), net.masks)
    assert removed(compacted) == {"a.weight": (4, 0, 1)}
    assert "not finite" in reason(compacted, "a.weight")


def test_a_bias_shared_by_two_layers_is_parted():
    net = Net([4])
    net.gemm("a", 4, 4)
    net.nodes[-1].input[2] = net.constant("shared", np.ones(4, np.float32))
    net.node("Relu")
    net.node("Gemm", [net.last, net.weight("b.weight", (4, 4), 1.0, 0), "shared"], transB=1)
    net.node("Relu")
    net.gemm("c", 4, 2)
    del net.arrays["a.bias"]
    prune(net, "a.weight", 2)
    assert removed(check(net)) == {"a.weight": (4, 1, 0)}


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 4)])
def test_biases_of_every_broadcast_shape(shape):
    net = two_layers(0.0)
    net.arrays["a.bias"] = np.full(shape, 1.5, np.float32)
    assert removed(check(net)) == {"a.weight": (4, 1, 1)}


def test_a_new_bias_takes_no_name_that_is_taken():
    net = two_layers(2.0, second_bias=False)
    net.last = net.node("Add", [net.last, net.constant("b.weight.compact_bias", np.float32(1))])
    assert check(net).removals


def test_compacting_twice_changes_nothing_more():
    first = check(lenet5(seed=3))
    assert remove_dead_units(first.model, first.masks).removals == []


def test_a_compacted_model_converts_to_the_standard_form():
    compacted = check(mlp())
    standard = to_standard(compacted.model, compacted.masks)
    inputs = examples(4, 64)
    assert run(standard, inputs)[0].tobytes() == run(compacted.model, inputs)[0].tobytes()
    assert standard.ByteSize() < to_standard(mlp().model(), mlp().masks).ByteSize()


def several_readers(net):
    hidden = net.node("Relu")
    left = net.gemm("b", 4, 2)
    net.last = hidden
    net.node("Add", [left, net.gemm("c", 4, 2)])


def residual(net):
    net.node("Add", [net.last, net.node("Sigmoid", ["input"])])
    net.gemm("b", 4, 2)


def softmax(net):
    net.node("Softmax")
    net.gemm("b", 4, 2)


def scaled_per_unit(net):
    net.node("Mul", [net.last, net.constant("scale", np.ones(4, np.float32))])
    net.gemm("b", 4, 2)


def scaling_gemm(net):
    net.gemm("b", 4, 2)
    net.nodes[-1].attribute.append(onnx.helper.make_attribute("alpha", 2.0))


def mean_over_units(net):
    net.node("ReduceMean", [net.last, net.constant("axes", np.array([-1]))], keepdims=1)
    net.gemm("b", 1, 2)


def unfolded(net):
    net.node("Reshape", [net.last, net.constant("shape", np.array([0, 2, 2]))])
    net.matmul("b", 2, 2)


def regrouped(net):
    net.node("Reshape", [net.last, net.constant("shape", np.array([-1, 2]))])
    net.gemm("b", 2, 2)


def inside_a_branch(net):
    hidden = net.last
    inner = onnx.helper.make_node("Identity", [hidden], ["inner"])
    branch = onnx.helper.make_graph([inner], "branch", [], [onnx.helper.make_tensor_value_info("inner", 1, None)])
    net.constant("yes", np.array(True))
    net.node("If", ["yes"], then_branch=branch, else_branch=branch)
    net.node("Add", [net.gemm("b", 4, 4), net.nodes[-2].output[0]])


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        (several_readers, "several layers"),
        (residual, "combined with another tensor by Add"),
        (softmax, "read by Softmax"),
        (scaled_per_unit, "combined with another tensor by Mul"),
        (scaling_gemm, "scales or transposes"),
        (mean_over_units, "mixed by ReduceMean"),
        (unfolded, "reshaped by Reshape"),
        (regrouped, "one input per unit"),
        (inside_a_branch, "read by If"),
        (lambda net: None, "output of the network"),
    ],
)
def test_units_that_cannot_be_followed_are_refused_with_a_reason(rest, why):
    net = Net([4])
    net.gemm("a", 4, 4)
    prune(net, "a.weight", 1)
    rest(net)
    compacted = check(net)
    assert "a.weight" not in removed(compacted)
    assert why in reason(compacted, "a.weight")


def test_units_along_another_axis_are_another_tensor():
    net = Net([2, 6, 6])
    net.conv("a", 2, 4)
    prune(net, "a.weight", 1)
    units = net.last
    net.node("ReduceMean", [units, net.constant("axes", np.array([0, 2, 3]))], keepdims=0)
    net.node("Add", [units, net.last])
    net.conv("b", 4, 2)
    compacted = remove_dead_units(net.model(), net.masks)
    assert reason(compacted, "a.weight") == "combined with another tensor by Add"


def test_a_hidden_output_of_the_network_is_refused():
    net = two_layers(2.0)
    compacted = remove_dead_units(net.model(outputs=[net.nodes[1].output[0]]), net.masks)
    assert compacted.removals == []
    assert reason(compacted, "a.weight") == "its units are an output of the network"


def test_grouped_convolutions_are_refused_on_both_sides():
    net = Net([4, 6, 6])
    net.conv("a", 4, 4)
    net.node("Relu")
    net.conv("depthwise", 1, 4, group=4)
    net.node("Relu")
    net.conv("b", 4, 3, kernel=1)
    for name in ("a.weight", "depthwise.weight"):
        prune(net, name, 1)
    compacted = check(net)
    assert compacted.removals == []
    assert "grouped" in reason(compacted, "depthwise.weight")
    assert "grouped" in reason(compacted, "a.weight")


def test_shared_weights_are_refused():
    net = Net([4])
    net.gemm("a", 4, 4)
    net.node("Relu")
    net.node("Gemm", [net.last, "a.weight"])
    prune(net, "a.weight", 1)
    compacted = check(net)
    assert Refusal("a.weight", "its weight is shared with another node") in compacted.refusals


def test_a_bias_that_differs_per_example_is_refused():
    net = Net([4])
    net.gemm("a", 4, 4)
    net.node("Relu")
    net.node("Gemm", [net.last, net.weight("b.weight", (4, 4), 1.0, 0), "input"], transB=1)
    prune(net, "a.weight", 1)
    compacted = check(net)
    assert reason(compacted, "b.weight") == "its bias is not a constant"
    assert reason(compacted, "a.weight") == "read by a Gemm that cannot be cut: its bias is not a constant"


def test_operators_of_other_domains_are_not_taken_for_standard_ones():
    net = two_layers(2.0)
    net.nodes[1].domain = "somebody.else"
    model = onnx.ModelProto()
    graph = onnx.helper.make_graph(
        net.nodes,
        "net",
        [net.input],
        [onnx.helper.make_tensor_value_info(net.last, 1, ["batch", 2])],
        [numpy_helper.from_array(array, name) for name, array in net.arrays.items()],
    )
    domains = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("somebody.else", 1)]
    model = onnx.helper.make_model(graph, opset_imports=domains)
    compacted = remove_dead_units(model, net.masks)
    assert reason(compacted, "a.weight") == "read by somebody.else.Relu"


def test_masks_of_another_model_are_refused():
    net = mlp()
    net.masks["1.weight"] = net.masks["1.weight"].T
    with pytest.raises(InputError, match=r"1\.weight"):
        remove_dead_units(net.model(), net.masks)


def test_a_pruned_weight_that_is_no_layer_is_refused():
    net = Net([4, 4])
    net.node("MatMul", [net.weight("w", (4, 4), 0.5, 0), "input"])
    assert check(net).refusals == [Refusal("w", "no Gemm, MatMul or Conv reads it as its weight")]


def test_every_layer_that_keeps_its_units_says_why():
    compacted = check(mlp(density=1.0))
    assert compacted.removals == []
    assert compacted.refusals == [Refusal("2.weight", "its units are an output of the network")]
