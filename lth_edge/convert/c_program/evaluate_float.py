"""A network in float64: proves that it was read rightly, and gives the ranges that int8 is calibrated on."""

import numpy as np

from lth_edge.convert.c_program.evaluate import products, run_layers, taps
from lth_edge.convert.c_program.layers import Add, Layer, Network, Pointwise, Pool, Prepare, Weighted
from lth_edge.convert.chain_layer import CLIP, Activation
from lth_edge.convert.recognise import FUNCTIONS
from lth_edge.ticket import Array


def evaluate_float(network: Network, inputs: Array) -> dict[str, Array]:
    """Every tensor, by name: [N, channels, height, width], float64.

    Args:
        network: the layers.
        inputs: [N, ...], raw.
    """
    return run_layers(network, inputs, _compute)


def apply(activation: Activation, x: Array) -> Array:
    """A function of each number alone."""
    if activation.kind == CLIP:
        return np.clip(x, activation.low, activation.high)
    return FUNCTIONS[activation.kind](x)


def _compute(layer: Layer, given: list[Array]) -> Array:
    x = given[0]
    if isinstance(layer, Prepare):
        return (x - layer.mean.reshape(-1, 1, 1)) * layer.factor.reshape(-1, 1, 1)
    if isinstance(layer, Weighted):
        return np.clip(products(layer, layer.weight, x) + layer.bias.reshape(-1, 1, 1), *layer.clip)
    if isinstance(layer, Add):
        return np.clip(given[0] + given[1], *layer.clip)
    if isinstance(layer, Pointwise):
        return apply(layer.activation, x)
    assert isinstance(layer, Pool), "these are all the kinds of layers"
    shape = (len(x), *layer.makes)
    if not layer.mean:
        return taps(x, layer.window, layer.makes, -np.inf).max(axis=2).reshape(shape)
    return (taps(x, layer.window, layer.makes).sum(axis=2) / coverage(layer, layer.counts_padding)).reshape(shape)


def coverage(pool: Pool, padding: bool) -> Array:
    """[positions]: how many numbers each window covers, with those of the padding or without."""
    ones = np.ones((1, 1, pool.reads.height, pool.reads.width))
    inside = taps(ones, pool.window, pool.makes, float(padding))
    return np.asarray(inside.sum(axis=2)[0, 0])
