"""Random stacks of layers: C, under sanitizers, gives what onnxruntime gives, or the integers that numpy gives."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from c_build import made_of, require, self_test_of, write
from c_nets import bytes_net, series_net
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx_nets import Net, examples

PRECISIONS = [("fp32", "fp32"), ("int8", "fp32"), ("int8", "int8")]


@st.composite
def stacks(draw):
    """A model of up to five layers over a small image or series, and its input shape."""
    spatial = draw(st.sampled_from([1, 2]))
    channels = draw(st.integers(1, 4))
    sizes = draw(st.lists(st.integers(4, 9), min_size=spatial, max_size=spatial))
    net = Net([channels, *sizes], seed=draw(st.integers(0, 2**16)))
    shape = (channels, *sizes)
    kinds = st.sampled_from(["conv", "depthwise", "residual", "max", "mean", "activation"])
    for layer, kind in enumerate(["conv", *draw(st.lists(kinds, max_size=4))]):
        shape = _grow(draw, net, kind, f"layer{layer}", shape)
    if draw(st.booleans()):
        net.node("Flatten")
        net.gemm("head", int(np.prod(shape)), draw(st.integers(1, 7)), draw(st.sampled_from([0.1, 0.5, 1.0])))
    assume(any(net.arrays[name].any() for name in net.masks))  # a network of zeros is refused
    return net.model(), (channels, *sizes)


def _grow(draw, net, kind, name, shape):
    channels, sizes = shape[0], shape[1:]
    if kind == "activation":
        net.node(draw(st.sampled_from(["Relu", "HardSwish"])))
        return shape
    if kind == "residual":
        before = net.last
        _conv(net, name, channels, channels, 1, [1] * len(sizes), draw(st.floats(0.1, 1)))
        net.node("Add", [net.last, before])
        return shape
    window = [draw(st.integers(1, min(3, size))) for size in sizes]
    settled = {
        "strides": [draw(st.integers(1, 3)) for _ in sizes],
        "pads": [draw(st.integers(0, size - 1)) for size in window * 2],
    }
    if kind in {"max", "mean"}:
        counted = {"count_include_pad": draw(st.integers(0, 1))} if kind == "mean" else {}
        net.node("MaxPool" if kind == "max" else "AveragePool", kernel_shape=window, **settled, **counted)
        return _made(channels, sizes, window, [1] * len(sizes), settled)
    dilations = [
        1 if size < 2 * (taps - 1) + 1 else draw(st.integers(1, 2)) for size, taps in zip(sizes, window, strict=True)
    ]
    group = channels if kind == "depthwise" else 1
    units = group * draw(st.integers(1, 3))
    _conv(net, name, channels, units, group, window, draw(st.floats(0.1, 1)), dilations=dilations, **settled)
    return _made(units, sizes, window, dilations, settled)


def _conv(net, name, channels, units, group, window, density, **attributes):
    weight = net.weight(f"{name}.weight", (units, channels // group, *window), density, 0)
    net.node(
        "Conv", [net.last, weight, net.bias(f"{name}.bias", units)], kernel_shape=window, group=group, **attributes
    )


def _made(channels, sizes, window, dilations, settled):
    pads = np.reshape(settled["pads"], (2, -1)).sum(axis=0)
    spans = (np.array(window) - 1) * dilations + 1
    return (channels, *((np.array(sizes) + pads - spans) // settled["strides"] + 1).tolist())


@settings(max_examples=8, deadline=None)
@given(stack=stacks())
@pytest.mark.parametrize("precision", PRECISIONS, ids="-".join)
def test_a_random_stack_computes_the_same_in_c(stack, precision):
    require("sanitized")
    model, shape = stack
    inputs = examples(3, *shape)
    made, outputs = made_of(model, inputs, *precision)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), made, inputs, outputs if precision[0] == "fp32" else None)
        self_test_of(Path(folder), "sanitized")


@settings(max_examples=60, deadline=None)
@given(stack=stacks())
def test_integers_stay_close_to_the_network_that_they_stand_for(stack):
    model, shape = stack
    inputs = examples(4, *shape)
    made, outputs = made_of(model, inputs, "int8", "int8")
    got = made.gives(inputs) * made.quantised.output_scale
    assert np.abs(got - outputs.reshape(len(inputs), -1)).max() <= 0.15 * np.abs(outputs).max()


@pytest.mark.parametrize("precision", PRECISIONS, ids="-".join)
def test_a_series_network(tmp_path, precision):
    require("sanitized")
    inputs = examples(6, 3, 40)
    made, outputs = made_of(series_net(), inputs, *precision)
    write(tmp_path, made, inputs, outputs if precision[0] == "fp32" else None)
    self_test_of(tmp_path, "sanitized")


@pytest.mark.parametrize("precision", PRECISIONS, ids="-".join)
def test_bytes_with_their_channels_last(tmp_path, precision):
    require("sanitized")
    inputs = np.random.default_rng(1).integers(0, 256, (6, 6, 5, 3), np.uint8)
    made, outputs = made_of(bytes_net(), inputs, *precision)
    program = write(tmp_path, made, inputs, outputs if precision[0] == "fp32" else None)
    self_test_of(tmp_path, "sanitized")
    assert program.input_type == "uint8_t"
    if made.quantised is not None:
        assert (
            np.abs(made.gives(inputs) * made.quantised.output_scale - outputs.reshape(6, -1)).max()
            < 0.1 * outputs.max()
        )
