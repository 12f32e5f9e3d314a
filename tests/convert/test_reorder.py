"""Units in another order: the network computes the same, and its download is smaller."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from onnx_nets import examples, lenet5, mlp, run

from lth_edge.codec.container import write_container
from lth_edge.convert.reorder import reorder_units
from lth_edge.convert.standard import to_standard
from lth_edge.sparse.order import order_by_likeness


def arrays(model):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


NETS = st.one_of(
    st.builds(mlp, seed=st.integers(0, 2**16), density=st.sampled_from([0.02, 0.2, 1.0]), trans_b=st.integers(0, 1)),
    st.builds(lenet5, seed=st.integers(0, 2**16), pad=st.integers(0, 1), reshape=st.booleans()),
)


@settings(max_examples=25, deadline=None)
@given(net=NETS)
def test_the_network_computes_the_same(net):
    model = net.model()
    before = model.SerializeToString(deterministic=True)
    turned = reorder_units(model, net.masks)
    assert model.SerializeToString(deterministic=True) == before
    onnx.checker.check_model(turned.model, full_check=True)
    assert turned.masks.keys() == net.masks.keys()
    for name, mask in turned.masks.items():
        weight = arrays(turned.model)[name]
        assert mask.shape == weight.shape == net.masks[name].shape
        assert np.array_equal(np.sort(weight, axis=None), np.sort(net.arrays[name], axis=None))
        assert not np.any(weight[~mask])
    inputs = examples(3, *[d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:], scale=3.0)
    expected, found = run(model, inputs)[0], run(turned.model, inputs)[0]
    assert np.abs(found - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())


def test_the_output_layer_stays_as_it_is():
    net = mlp()
    turned = reorder_units(net.model(), net.masks)
    assert turned.layers == ["0.weight", "1.weight"]
    assert np.array_equal(arrays(turned.model)["2.bias"], net.arrays["2.bias"])


def test_units_of_two_kinds_are_sorted_out_and_take_fewer_bytes():
    random = np.random.default_rng(0)
    net = mlp(density=1.0, sizes=(64, 200, 10))
    halves = np.arange(64) < 32
    kind = random.random(200) < 0.5
    net.masks["0.weight"] = (halves == kind[:, None]) & (random.random((200, 64)) < 0.3)
    net.arrays["0.weight"] = np.where(net.masks["0.weight"], np.float32(1), np.float32(0))
    model = net.model()
    turned = reorder_units(model, net.masks)
    left, right = turned.masks["0.weight"][:, :32].any(axis=1), turned.masks["0.weight"][:, 32:].any(axis=1)
    assert np.count_nonzero(left[1:] & right[:-1]) + np.count_nonzero(right[1:] & left[:-1]) <= 3
    sizes = [
        len(write_container({"m.onnx": to_standard(m, masks).SerializeToString()}, best=True))
        for m, masks in ((model, net.masks), (turned.model, turned.masks))
    ]
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("mask", [np.zeros((5, 3), bool), np.ones((5, 3), bool), np.eye(5, dtype=bool)])
def test_an_order_names_each_unit_once(mask):
    assert sorted(order_by_likeness(mask)) == list(range(5))
    assert order_by_likeness(mask)[0] == 0
