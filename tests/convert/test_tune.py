"""Tuning: the file computes the same whatever won, its attribute is the format's, and without it nothing changes."""

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx_nets import Net, examples
from sparse_check import attributes

from lth_edge.convert import tune as tuning
from lth_edge.convert.model_file import save_model
from lth_edge.convert.single_layer import ConvNode
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.tune import BY_RULE, TunedLayer, tune
from lth_edge.convert.tune_candidates import candidates, in_words, smaller_blocks
from lth_edge.runtime.session import session

SIZE = 6, 11, 9


def network(size=SIZE):
    """A convolution, a pool, a residual block with a stride of two, a depthwise and a pointwise convolution."""
    net = Net(list(size))
    net.conv("first", 6, 8, pad=1, density=0.3)
    net.node("Relu")
    pooled = net.node("MaxPool", kernel_shape=[2, 2], strides=[1, 1])
    net.conv("second", 8, 8, pad=1, density=0.3)
    net.node("Relu", [net.node("Add", [net.last, pooled])])
    net.conv("third", 8, 8, pad=1, density=0.3, strides=[2, 2])
    net.node("Relu")
    net.conv("depthwise", 1, 8, pad=1, density=1.0, group=8)
    net.conv("pointwise", 8, 4, kernel=1, density=0.3)
    net.node("GlobalAveragePool")
    return net.model()


TUNABLE = ["first.weight", "second.weight", "third.weight", "pointwise.weight"]


def converted(model, values="fp32"):
    return to_sparse(model, values=values).model


def sparse_nodes(model):
    return [node for node in model.graph.node if node.op_type == "SparseConv"]


def outputs_of(model, folder, shape=(2, *SIZE)):
    save_model(model, folder / "model.onnx")
    return session(folder / "model.onnx").run(None, {"input": examples(*shape)})[0]


def winner(number):
    """A race that is run, and won by the candidate of this number, as the last one where there are fewer."""
    raced = tuning.race

    def race(models, course, *_):
        shares = [1.0 + 0 * share for share in raced(models, course, 1)]
        shares[min(number, len(shares) - 1)] = 0.5
        return shares

    return race


@pytest.mark.parametrize("number", range(1, 12))
@pytest.mark.parametrize("values", ["fp32", "int8"])
def test_whatever_wins_computes_the_same(tmp_path, monkeypatch, number, values):
    model = converted(network(), values)
    expected = outputs_of(model, tmp_path)
    monkeypatch.setattr(tuning, "race", winner(number))
    layers = tune(model)
    assert [layer.name for layer in layers] == TUNABLE
    assert all(layer.speedup == 2 and layer.way != BY_RULE for layer in layers)
    np.testing.assert_allclose(outputs_of(model, tmp_path), expected, atol=1e-5 * np.abs(expected).max())


def test_the_attribute_holds_three_numbers_a_layer_and_zeros_where_there_is_no_choice(monkeypatch):
    model = converted(network())
    monkeypatch.setattr(tuning, "race", winner(1))
    ways = {layer.name: list(layer.way) for layer in tune(model)}
    found = [list(way) for node in sparse_nodes(model) for way in np.reshape(attributes(node)["tuning"], (-1, 3))]
    layers = [kind for node in sparse_nodes(model) for kind in attributes(node)["kind"]]
    assert len(found) == len(layers) > len(TUNABLE)
    assert [way for way in found if way != [0, 0, 0]] == list(ways.values())


def test_what_is_not_clearly_faster_changes_nothing(monkeypatch):
    model = converted(network())
    before = model.SerializeToString(deterministic=True)
    monkeypatch.setattr(tuning, "race", lambda models, *_: [1.0, *[0.96] * (len(models) - 1)])
    layers = tune(model)
    assert layers == [TunedLayer(name) for name in TUNABLE]
    assert model.SerializeToString(deterministic=True) == before


def test_tuning_again_replaces_what_was_found_before(monkeypatch):
    model = converted(network())
    before = model.SerializeToString(deterministic=True)
    monkeypatch.setattr(tuning, "race", winner(1))
    tune(model)
    assert model.SerializeToString(deterministic=True) != before
    monkeypatch.setattr(tuning, "race", lambda models, *_: [1.0] * len(models))
    tune(model)
    assert model.SerializeToString(deterministic=True) == before


def test_real_clocks_choose_among_ways_that_compute_the_same(tmp_path):
    model = converted(network())
    expected = outputs_of(model, tmp_path)
    for layer in tune(model):
        assert layer.way == BY_RULE if layer.speedup == 1 else layer.speedup >= tuning.GAIN
    np.testing.assert_allclose(outputs_of(model, tmp_path), expected, atol=1e-5 * np.abs(expected).max())


def test_images_of_free_size_are_not_tuned():
    model = converted(network((6, "height", "width")))
    before = model.SerializeToString(deterministic=True)
    layers = tune(model)
    assert [layer.name for layer in layers] == TUNABLE
    assert all("size of its input is not known" in layer.reason for layer in layers)
    assert model.SerializeToString(deterministic=True) == before


def test_a_linear_network_has_nothing_to_tune():
    net = Net([40])
    net.gemm("fc", 40, 30, 0.1)
    assert tune(converted(net.model())) == []


def test_one_dimension_and_branches_are_tuned_too(tmp_path, monkeypatch):
    weight = np.random.default_rng(0).standard_normal((6, 4, 3)).astype(np.float32)
    weight[np.random.default_rng(1).random(weight.shape) < 0.8] = 0
    inner = helper.make_graph(
        [helper.make_node("Conv", ["input", "weight"], ["inner"], pads=[1, 1])],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", onnx.TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(weight, "weight")],
    )
    other = onnx.GraphProto.FromString(inner.SerializeToString())
    yes = onnx.numpy_helper.from_array(np.array(True), "yes")
    given, made = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, channels, 25])
        for name, channels in (("input", 4), ("output", 6))
    )
    branch = helper.make_node("If", ["yes"], ["output"], then_branch=inner, else_branch=other)
    graph = helper.make_graph([branch], "branches", [given], [made], [yes])
    model = converted(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    expected = outputs_of(model, tmp_path, (1, 4, 25))
    monkeypatch.setattr(tuning, "race", winner(2))
    layers = tune(model)
    assert len(layers) == 2 and all(layer.speedup == 2 for layer in layers)
    assert b"tuning" in model.SerializeToString()
    np.testing.assert_allclose(outputs_of(model, tmp_path, (1, 4, 25)), expected, atol=1e-5)


def test_sizes_are_those_that_the_chain_really_has():
    """Pads, strides and pools included: what is timed is what will run."""
    model = converted(network())
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    (node,) = sparse_nodes(model)
    sizes = ConvNode(node, tensors).sizes()
    assert sizes[:5] == [(1, 6, 11, 9), (1, 8, 11, 9), (1, 8, 10, 8), (1, 8, 10, 8), (1, 8, 5, 4)]


def test_candidates_are_some_ten_and_all_different():
    for kernel, strides, out in (((3, 3), (1, 1), (8, 8)), ((1, 1), (1, 1), (14, 14)), ((3, 3), (2, 2), (112, 112))):
        ways = candidates(64, kernel, strides, out)
        assert 5 <= len(set(ways)) == len(ways) <= 14
        assert all(in_words(way) != in_words(BY_RULE) for way in ways)
    assert smaller_blocks((0, 2, 5)) == [(0, 2, 2), (0, 2, 1)]
    assert smaller_blocks((0, 2, 1)) == []
