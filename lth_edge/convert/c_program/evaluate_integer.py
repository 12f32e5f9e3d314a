"""The integer program in numpy, bit for bit what the C kernels compute."""

import numpy as np

from lth_edge.convert.c_program.evaluate import in_batches, products, run_layers, taps
from lth_edge.convert.c_program.evaluate_float import coverage
from lth_edge.convert.c_program.layers import Layer, Pool, Weighted
from lth_edge.convert.c_program.quantise import (
    LARGEST,
    MEAN_BITS,
    IntegerAdd,
    IntegerMean,
    IntegerPrepare,
    IntegerTable,
    IntegerWeights,
    Quantised,
)
from lth_edge.convert.c_program.rescale import shifted
from lth_edge.ticket import Array


def evaluate_integer(quantised: Quantised, inputs: Array) -> Array:
    """[N, outputs], int8.

    Args:
        quantised: the network.
        inputs: [N, ...], as `Quantised.raw` gives them.
    """

    def compute(layer: Layer, given: list[Array]) -> Array:
        return _compute(quantised, layer, [x.astype(np.int64) for x in given])

    network = quantised.network
    outputs = [run_layers(network, batch, compute)[network.output] for batch in in_batches(inputs)]
    return np.concatenate(outputs).reshape(len(inputs), -1).astype(np.int8)


def _compute(quantised: Quantised, layer: Layer, given: list[Array]) -> Array:
    x, numbers = given[0], quantised.numbers[layer.name]
    if isinstance(numbers, IntegerPrepare):
        return _saturated(numbers.rescale.apply((x << numbers.bits) - numbers.offsets.reshape(-1, 1, 1)))
    if isinstance(numbers, IntegerWeights):
        assert isinstance(layer, Weighted), "no other layer has weights"
        sums = products(layer, numbers.quants, x).astype(np.int64) + numbers.bias.reshape(-1, 1, 1)
        return np.clip(numbers.rescale.apply(sums), *numbers.clip)
    if isinstance(numbers, IntegerAdd):
        first, second = numbers.multipliers
        return np.clip(shifted(x * first + given[1] * second, np.array(numbers.shift)), *numbers.clip)
    if isinstance(numbers, IntegerTable):
        return numbers.table[x + LARGEST + 1]
    assert isinstance(layer, Pool), "these are all the kinds of layers"
    if not isinstance(numbers, IntegerMean):
        return taps(x, layer.window, layer.makes, -LARGEST - 1).max(axis=2)
    sums = taps(x, layer.window, layer.makes).sum(axis=2) << MEAN_BITS
    divisors = coverage(layer, layer.counts_padding).astype(np.int64)
    # C divides towards zero.
    means = np.sign(sums) * (np.abs(sums) // divisors)
    return _saturated(numbers.rescale.apply(means))


def _saturated(x: Array) -> Array:
    return np.clip(x, -LARGEST, LARGEST)
