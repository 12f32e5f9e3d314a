"""What goes into one node: chains that are convex, residuals of one shape, pools, layers that join."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_nets import Net
from sparse_check import attributes, check, ops

from lth_edge.convert.sparse import to_sparse

PAIR = {"kernel_shape": [2, 2], "strides": [2, 2]}


def conv(net, name, source, fan_in=6, units=6, density=0.2, kernel=3, **settings):
    net.last = source
    return net.conv(name, fan_in, units, kernel=kernel, pad=kernel // 2, density=density, **settings)


def block(net, name, source):
    """A residual block."""
    conv(net, f"{name}.0", source)
    conv(net, f"{name}.1", net.node("Relu"))
    net.node("Add", [net.last, source])
    return net.node("Relu")


def test_residual_blocks_are_one_node():
    net = Net([6, 8, 8])
    last = "input"
    for name in "abc":
        last = block(net, name, last)
    converted = check(net.model(), 2, 6, 8, 8)
    assert ops(converted) == ["SparseConv"]
    assert attributes(converted.model.graph.node[0])["residual"] == [-1, 0, -1, 2, -1, 4]


def test_one_of_two_branches_adds_the_other():
    net = Net([6, 8, 8])
    left, right = conv(net, "left", "input"), conv(net, "right", "input", kernel=1)
    net.node("Relu", [net.node("Add", [left, right])])
    converted = check(net.model(), 2, 6, 8, 8)
    assert ops(converted) == ["SparseConv"]
    (residual,) = (value for value in attributes(converted.model.graph.node[0])["residual"] if value >= 0)
    assert residual == 1


BROADCASTS = {
    "one channel": lambda net: net.node("ReduceMean", ["input", net.constant("axes", [1])]),
    "one position": lambda net: net.node("GlobalAveragePool", ["input"]),
    "a free height": lambda net: "input",
}


@pytest.mark.parametrize("other", BROADCASTS)
def test_broadcasts_are_not_residuals(other):
    net = Net([6, 8, 8])
    if other == "a free height":
        net.input.type.tensor_type.shape.dim[2].dim_param = "height"
    layer = conv(net, "c", "input")
    net.node("Add", [layer, BROADCASTS[other](net)])
    assert "Add" in ops(check(net.model(), 2, 6, 8, 8))


def test_the_sum_of_a_layer_with_itself_stays():
    net = Net([8])
    net.node("Add", [net.gemm("g", 8, 8, 0.2), net.last])
    assert ops(check(net.model(), 2, 8)) == ["SparseLinear", "Add"]


def test_a_way_around_a_node_outside_splits_the_chain():
    net = Net([6, 8, 8])
    first = conv(net, "first", "input")
    outside = net.node("Sigmoid", [first])
    second = conv(net, "second", first)
    net.node("Add", [conv(net, "third", outside), second])
    converted = check(net.model(), 2, 6, 8, 8)
    assert ops(converted) == ["SparseConv", "Sigmoid", "SparseConv"]
    assert sum("of 2" in layer.reason for layer in converted.layers) == 2


def test_values_read_outside_are_outputs_under_their_names():
    net = Net([8])
    inner = net.gemm("a", 8, 8, 0.2)
    net.gemm("b", 8, 8, 0.2)
    last = net.last
    net.node("Concat", [net.node("Sigmoid", [inner]), last], axis=1)
    converted = check(net.model([inner]), 3, 8)
    assert list(converted.model.graph.node[0].output) == [inner, last]


def test_layers_that_read_the_same_are_one_chain():
    net = Net([5, 8])
    heads = [net.matmul(name, 8, 8, 0.2) for name in "qkv" if not setattr(net, "last", "input")]
    net.node("Softmax", [net.node("MatMul", [heads[0], net.node("Transpose", [heads[1]], perm=[0, 2, 1])])])
    net.node("MatMul", [net.last, heads[2]])
    converted = check(net.model(), 2, 5, 8)
    assert ops(converted).count("SparseLinear") == 1 and len(converted.model.graph.node[0].output) == 3


POOLS = {
    "maximum": lambda net: net.node("MaxPool", **PAIR),
    "padded maximum": lambda net: net.node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 1, 1]),
    "same": lambda net: net.node("MaxPool", auto_pad="SAME_UPPER", **PAIR),
    "dilated": lambda net: net.node("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]),
    "rounded up where it cannot be": lambda net: net.node("MaxPool", kernel_shape=[2, 2], ceil_mode=1),
    "mean of all": lambda net: net.node("GlobalAveragePool"),
    "reduced mean": lambda net: net.node("ReduceMean", [net.last, net.constant("axes", [-1, 2])]),
}
FOREIGN_POOLS = {
    "rounded up": lambda net: net.node("MaxPool", ceil_mode=1, **PAIR),
    "average": lambda net: net.node("AveragePool", **PAIR),
    "mean over rows": lambda net: net.node("ReduceMean", [net.last, net.constant("axes", [2])]),
}


@pytest.mark.parametrize("pool", POOLS)
def test_pools_inside(pool):
    net = Net([6, 9, 9])
    conv(net, "a", "input")
    POOLS[pool](net)
    conv(net, "b", net.last, kernel=1)
    assert ops(check(net.model(), 2, 6, 9, 9)) == ["SparseConv"]


@pytest.mark.parametrize("pool", FOREIGN_POOLS)
def test_pools_that_stay(pool):
    net = Net([6, 8, 8])
    conv(net, "a", "input")
    FOREIGN_POOLS[pool](net)
    conv(net, "b", net.last, kernel=1)
    assert len(ops(check(net.model(), 2, 6, 8, 8))) == 3


def test_a_mean_that_drops_its_axes_is_flattened():
    net = Net([6, 8, 8])
    conv(net, "a", "input")
    net.node("ReduceMean", [net.last, net.constant("axes", [2, 3])], keepdims=0)
    assert ops(check(net.model(), 2, 6, 8, 8)) == ["SparseConv", "Flatten"]


def test_pools_over_one_axis():
    net = Net([4, 20])
    net.node("Conv", ["input", net.weight("a", (6, 4, 3), 0.2, 0)], pads=[1, 1])
    net.node("MaxPool", kernel_shape=[2], strides=[2])
    net.node("Conv", [net.last, net.weight("b", (5, 6, 3), 0.2, 0)])
    net.node("GlobalAveragePool")
    assert ops(check(net.model(), 2, 4, 20)) == ["SparseConv"]


def test_pools_of_dense_layers_stay():
    net = Net([6, 8, 8])
    net.node("MaxPool", [conv(net, "dense", "input", density=1.0)], **PAIR)
    conv(net, "sparse", net.last, kernel=1)
    assert ops(check(net.model(), 2, 6, 8, 8)) == ["Conv", "MaxPool", "SparseConv"]


def test_depthwise_layers_join_what_they_touch():
    net = Net([6, 8, 8])
    net.conv("alone", 1, 6, pad=1, group=6)
    net.node("Sigmoid")
    net.conv("before", 1, 6, pad=1, group=6)
    conv(net, "point", net.node("Relu"), kernel=1)
    net.conv("after", 1, 6, pad=1, group=6)
    net.node("HardSwish")
    converted = check(net.model(), 2, 6, 8, 8)
    assert ops(converted) == ["Conv", "Sigmoid", "SparseConv"]
    assert converted.layers[0].reason.endswith(", and it is depthwise")
    assert [layer.reason for layer in converted.layers[1:]] == [
        "SparseConv, layer 1 of 3, with Relu, for its neighbours' sake",
        "SparseConv, layer 2 of 3",
        "SparseConv, layer 3 of 3, with HardSwish, for its neighbours' sake",
    ]


def test_a_small_dense_layer_joins_and_a_large_one_does_not():
    for units, joined in ((1, True), (40, False)):
        net = Net([20, 8, 8])
        conv(net, "sparse", "input", 20, 40, density=0.5)
        conv(net, "dense", net.last, 40, units, density=1.0, kernel=1)
        assert [layer.converted for layer in check(net.model(), 2, 20, 8, 8).layers] == [True, joined]


def test_a_layer_of_less_work_than_a_node_joins_however_small_the_chain():
    for units, joined in ((50, True), (150, False)):
        net = Net([60])
        net.gemm("sparse", 60, 40, density=0.1)
        net.gemm("dense", 40, units, density=1.0)
        assert [layer.converted for layer in check(net.model(), 2, 60).layers] == [True, joined]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_network_keeps_what_it_computes(data):
    """Random graphs of layers, sums, activations and foreign nodes: never a cycle, never another number."""
    net = Net([4, 6, 6], seed=data.draw(st.integers(0, 99)))
    tensors = ["input"]
    for step in range(data.draw(st.integers(1, 9))):
        source = data.draw(st.sampled_from(tensors))
        op = data.draw(st.sampled_from(["conv", "conv", "dense", "depthwise", "Add", "Relu", "Sigmoid", "MaxPool"]))
        if op in {"conv", "dense"}:
            made = conv(net, f"c{step}", source, 4, 4, density=0.3 if op == "conv" else 1.0)
        elif op == "depthwise":
            made = conv(net, f"c{step}", source, 1, 4, density=1.0, group=4)
        elif op == "MaxPool":
            made = net.node(op, [source], kernel_shape=[3, 3], pads=[1] * 4)
        else:
            made = net.node(op, [source, data.draw(st.sampled_from(tensors))] if op == "Add" else [source])
        tensors.append(made)
    extra = data.draw(st.lists(st.sampled_from(tensors[1:]), max_size=2, unique=True))
    check(net.model([name for name in extra if name != net.last]), 2, 4, 6, 6)


def test_long_chains_are_cut():
    net = Net([2])
    for layer in range(1030):
        net.gemm(str(layer), 2, 2, bias=False)
    counts = [len(attributes(node)["source"]) for node in to_sparse(net.model(), min_sparsity=0.0).model.graph.node]
    assert sorted(counts) == [6, 1024]


def test_chains_with_many_outputs_are_cut():
    net = Net([4, 6, 6])
    made = [conv(net, f"c{layer}", net.last, 4, 4, density=0.3, kernel=1) for layer in range(70)]
    net.node("Concat", made, axis=1)
    converted = check(net.model(), 2, 4, 6, 6)
    assert [len(node.output) for node in converted.model.graph.node[:-1]] == [64, 6]
