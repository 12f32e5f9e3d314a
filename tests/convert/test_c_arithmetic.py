"""The parts of a C program: integer arithmetic, the arena, weights with gaps, numbers as text."""

from fractions import Fraction

import numpy as np
import pytest
from c_build import made_of
from c_nets import digits_images, residual_net
from hypothesis import given
from hypothesis import strategies as st
from onnx_nets import Net, examples

from lth_edge.convert.c_program.emit_data import comment, literal
from lth_edge.convert.c_program.layers import Add, Network, Pointwise, Pool, Shape
from lth_edge.convert.c_program.plan_arena import plan_arena
from lth_edge.convert.c_program.quantise import quantise_rows
from lth_edge.convert.c_program.read import read_network
from lth_edge.convert.c_program.rescale import Rescale
from lth_edge.convert.c_program.store import footprint, store, with_gaps
from lth_edge.convert.chain_layer import Activation, Window
from lth_edge.errors import InputError


@given(
    x=st.integers(-(2**31), 2**31 - 1),
    factor=st.floats(1e-12, 100) | st.floats(-100, -1e-12),
)
def test_rescaling_rounds_the_product_to_the_nearest_integer(x, factor):
    (got,) = Rescale.of(np.array([factor])).apply(np.array([[x]]))[0]
    exact = Fraction(x) * Fraction(factor)
    assert abs(got - exact) <= Fraction(1, 2) + abs(exact) / 2**30 + abs(x) * Fraction(1, 2**62)


@given(factor=st.floats(1e-300, 1e9))
def test_a_rescale_fits_into_its_c_types(factor):
    multipliers, shifts = Rescale.of(np.array([factor, -factor]))
    assert np.abs(multipliers).max() < 2**31 and shifts.min() >= 1 and shifts.max() <= 62


@given(rows=st.integers(1, 6), columns=st.integers(1, 900), density=st.floats(0, 1), seed=st.integers(0, 99))
def test_gaps_hold_every_weight_and_stay_within_their_row(rows, columns, density, seed):
    rng = np.random.default_rng(seed)
    matrix = np.where(rng.random((rows, columns)) < density, rng.integers(-127, 128, (rows, columns)), 0).astype(
        np.int8
    )
    stored = with_gaps(matrix)
    decoded, at = np.zeros_like(matrix), 0
    for row, count in enumerate(stored.counts):
        where = np.cumsum(stored.gaps[at : at + count], dtype=np.int64)
        assert where[-1] < columns
        decoded[row, where] += stored.values[at : at + count]
        at += count
    np.testing.assert_array_equal(decoded, matrix)
    assert at == stored.values.size == stored.gaps.size


@pytest.mark.parametrize(("sparsity", "sparse"), [(0.3, False), (0.45, False), (0.6, True), (0.9, True)])
def test_int8_weights_leave_zeros_out_from_about_half_zeros_on(sparsity, sparse):
    rng = np.random.default_rng(0)
    matrix = np.where(rng.random((50, 400)) < sparsity, 0, 7).astype(np.int8)
    assert (store(matrix, dense=False).gaps is not None) == sparse
    assert store(matrix, dense=True).gaps is None
    found = footprint([matrix])
    assert 2 <= found.bytes_a_nonzero < 2.1 and 0.5 <= found.break_even < 0.53


def test_each_row_of_weights_fills_its_8_bits():
    weight = np.float32([[0.1, -0.2], [1e-20, 0], [0, 0], [300, 100]])
    quants, scales = quantise_rows(weight)
    assert quants.dtype == np.int8
    np.testing.assert_array_equal(np.abs(quants).max(axis=1), [127, 127, 0, 127])
    np.testing.assert_allclose(quants * scales[:, None], weight, atol=300 / 127)


def test_a_large_bias_beside_tiny_weights_stays_within_32_bits():
    net = Net([4])
    weight, bias = np.full((2, 4), 1e-12, np.float32), np.float32([5, -3])
    net.node("Gemm", [net.last, net.constant("w", weight), net.constant("b", bias)], transB=1)
    made, outputs = made_of(net.model(), examples(3, 4), "int8", "int8")
    numbers = made.quantised.numbers["linear1"]
    assert np.abs(numbers.bias).max() < 2**31
    np.testing.assert_allclose(made.gives(examples(3, 4)) * made.quantised.output_scale, outputs, rtol=0.02)


def test_sums_beyond_32_bits_are_refused():
    net = Net([140_000])
    net.node("Gemm", [net.last, net.constant("w", np.ones((1, 140_000), np.float32))], transB=1)
    with pytest.raises(InputError, match="Gemm w has rows whose sums need more than 32 bits"):
        made_of(net.model(), examples(1, 140_000), "int8", "int8")


def test_preprocessing_beyond_32_bits_is_refused():
    net = Net([4])
    net.node("Sub", [net.last, net.constant("mean", np.float32([1e12]))])
    net.gemm("head", 4, 2)
    with pytest.raises(InputError, match="subtracts more than"):
        made_of(net.model(), examples(2, 4), "int8", "int8")


def test_a_constant_input_and_a_dead_layer_have_scales_too():
    net = Net([4])
    net.node("Gemm", [net.last, net.constant("w", np.zeros((3, 4), np.float32))], transB=1)
    net.gemm("head", 3, 2)
    made, outputs = made_of(net.model(), np.zeros((2, 4), np.float32), "int8", "int8")
    assert np.abs(made.gives(np.zeros((2, 4), np.float32)) * made.quantised.output_scale - outputs).max() < 0.05


@st.composite
def networks(draw):
    """Layers that each read one or two of the tensors before them."""
    layers, tensors = [], {"in": 8}
    for place in range(draw(st.integers(1, 12))):
        first = draw(st.sampled_from(sorted(tensors)))
        same = [name for name in sorted(tensors) if tensors[name] == tensors[first]]
        kind = draw(st.sampled_from([Add, Pointwise, Pool]))
        sources = (first, draw(st.sampled_from(same))) if kind is Add else (first,)
        size = draw(st.sampled_from([3, 8, 20])) if kind is Pool else tensors[first]
        extra = {Add: (), Pointwise: (Activation(),), Pool: (True, Window())}[kind]
        layers.append(kind(f"l{place}", "", sources, f"t{place}", Shape(tensors[first]), Shape(size), *extra))
        tensors[f"t{place}"] = size
    return Network("in", "float32", (8,), layers[-1].output, tuple(layers))


@given(network=networks())
def test_tensors_that_are_needed_at_the_same_time_never_overlap(network):
    """Run it: a tensor must still hold its own numbers when it is read for the last time."""
    arena = plan_arena(network)
    owner = [""] * arena.size
    for layer in network.layers:
        for name in layer.sources:
            if name != network.input:
                start = arena.offsets[name]
                assert set(owner[start : start + layer.reads.size]) == {name}
        if layer.output != network.output:
            start = arena.offsets[layer.output]
            assert start >= 0 and start + layer.makes.size <= arena.size
            owner[start : start + layer.makes.size] = [layer.output] * layer.makes.size


def test_a_residual_network_needs_three_of_its_planes():
    network = read_network(residual_net())
    largest = max(layer.makes.size for layer in network.layers)
    assert plan_arena(network).size <= 3 * largest < sum(layer.makes.size for layer in network.layers)


@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_is_written_so_that_it_is_read_back_bit_for_bit(value):
    text = literal(value)
    assert text.endswith("F") and any(mark in text for mark in ".e")
    assert np.float32(text[:-1]) == np.float32(value)


def test_infinite_bounds_become_the_largest_floats():
    assert np.float32(literal(np.inf)[:-1]) == np.finfo(np.float32).max


@pytest.mark.parametrize("text", ["a */ int x; /* b", "what ??/", "line\nbreak", "größe"])
def test_no_name_ends_a_comment(text):
    made = comment(text)
    assert made.count("*/") == made.count("/*") == 1 and made.endswith("*/\n") and "??" not in made and made.isascii()


def test_scales_of_float_inputs_are_kept_to_real_values():
    inputs = digits_images(20)
    made, _ = made_of(residual_net(), inputs, "int8", "int8")
    raw = made.takes(inputs).astype(np.float64)
    back = (raw - made.quantised.input_zero) * made.quantised.input_scale
    np.testing.assert_allclose(back, inputs.reshape(20, -1), atol=made.quantised.input_scale)
