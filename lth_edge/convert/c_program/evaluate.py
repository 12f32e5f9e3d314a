"""What a network computes, in numpy: in float64, or in the very integers that the C program computes in.

Products of integers are summed in float64, which is exact below 2^53 and many times faster.
"""

from collections.abc import Callable, Iterator

import numpy as np

from lth_edge.convert.c_program.layers import Layer, Network, Shape, Weighted
from lth_edge.convert.chain_layer import Window
from lth_edge.ticket import Array

_BATCH = 16

Compute = Callable[[Layer, list[Array]], Array]
"""A layer on its sources, [N, channels, height, width] each."""


def in_batches(inputs: Array) -> Iterator[Array]:
    """A few examples at a time: a convolution's windows take many times the memory of what they cover."""
    return (inputs[start : start + _BATCH] for start in range(0, len(inputs), _BATCH))


def run_layers(network: Network, inputs: Array, compute: Compute) -> dict[str, Array]:
    """Every tensor, by name.

    Args:
        network: the layers.
        inputs: [N, ...], raw.
        compute: the arithmetic.
    """
    first = network.layers[0]
    raw = inputs.reshape(len(inputs), *network.input_shape)
    if getattr(first, "channels_last", False):
        raw = np.moveaxis(raw, -1, 1)
    tensors = {network.input: raw.astype(np.float64)}
    for layer in network.layers:
        given = [tensors[name].reshape(len(raw), *layer.reads) for name in layer.sources]
        tensors[layer.output] = compute(layer, given)
    return tensors


def taps(x: Array, window: Window, makes: Shape, outside: float = 0.0) -> Array:
    """What each window covers.

    Args:
        x: [N, channels, height, width].
        window: that moves over it.
        makes: for the number of windows.
        outside: what stands beyond the edges.

    Returns:
        [N, channels, kernel height x kernel width, positions].
    """
    (top, left), (down, across) = window.pads[:2], window.strides
    high, wide = (makes.height - 1) * down + 1, (makes.width - 1) * across + 1
    rows, columns = (range(0, size * step, step) for size, step in zip(window.kernel, window.dilations, strict=True))
    below = max(high + rows[-1] - top - x.shape[2], 0)
    beside = max(wide + columns[-1] - left - x.shape[3], 0)
    padded = np.pad(x, ((0, 0), (0, 0), (top, below), (left, beside)), constant_values=outside)
    covered = [padded[:, :, y : y + high : down, z : z + wide : across] for y in rows for z in columns]
    return np.stack(covered, axis=2).reshape(*x.shape[:2], -1, makes.plane)


def products(layer: Weighted, weight: Array, x: Array) -> Array:
    """[N, rows, height, width]: the sums of weights times inputs.

    Args:
        layer: for its shapes.
        weight: of the layer's shape.
        x: [N, channels, height, width].
    """
    covered = taps(x, layer.window, layer.makes).reshape(len(x), layer.group, -1, layer.makes.plane)
    grouped = weight.astype(np.float64).reshape(layer.group, len(weight) // layer.group, -1)
    return np.matmul(grouped, covered).reshape(len(x), *layer.makes)
