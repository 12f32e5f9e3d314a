"""A network in integers: int8 weights with a scale a row, int8 activations with a scale a tensor, int32 sums.

Scales are symmetric, the largest number at 127. After Jacob et al. (2018), as in `rescale`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lth_edge.convert.c_program.evaluate import in_batches
from lth_edge.convert.c_program.evaluate_float import apply, evaluate_float
from lth_edge.convert.c_program.layers import Add, Layer, Network, Pointwise, Pool, Prepare, Weighted
from lth_edge.convert.c_program.rescale import Rescale, multipliers_of
from lth_edge.errors import InputError
from lth_edge.ticket import Array

LARGEST = 127
MEAN_BITS = 8
"""Bits behind the point of a mean before it is rescaled."""
_BIAS_BITS = 30
_FRACTION_BITS = 16


@dataclass(frozen=True, eq=False)
class IntegerPrepare:
    """(raw x 2^bits - offset), rescaled: [channels] each."""

    bits: int
    offsets: Array
    rescale: Rescale


@dataclass(frozen=True, eq=False)
class IntegerWeights:
    """A weight layer.

    Attributes:
        quants: int8, of the weight's shape.
        bias: [rows], int32, in units of weight scale x input scale.
        rescale: [rows], of the sums.
        clip: bounds of the output.
    """

    quants: Array
    bias: Array
    rescale: Rescale
    clip: tuple[int, int]


@dataclass(frozen=True, eq=False)
class IntegerAdd:
    """(first x multiplier + second x multiplier), rounded and shifted by one number of bits."""

    multipliers: Array
    shift: int
    clip: tuple[int, int]


@dataclass(frozen=True, eq=False)
class IntegerMean:
    """A mean with `MEAN_BITS` bits behind the point, rescaled."""

    rescale: Rescale


@dataclass(frozen=True, eq=False)
class IntegerTable:
    """[256], int8: what a function gives for -128 to 127."""

    table: Array


@dataclass(frozen=True, eq=False)
class IntegerLargest:
    """A maximum needs no numbers: its output has the scale of its input."""


Numbers = IntegerPrepare | IntegerWeights | IntegerAdd | IntegerMean | IntegerTable | IntegerLargest


@dataclass(frozen=True, eq=False)
class Quantised:
    """A network in integers.

    Attributes:
        network: that it was made from.
        input_scale, input_zero: raw value = scale x (integer - zero); 1 and 0 where the raw input is of 8 bits.
        output_scale: output = scale x integer.
        numbers: of each layer, by its name.
    """

    network: Network
    input_scale: float
    input_zero: int
    output_scale: float
    numbers: Mapping[str, Numbers]

    def raw(self, inputs: Array) -> Array:
        """Raw inputs as the program takes them."""
        if self.network.input_type != "float32":
            return inputs
        whole = np.rint(inputs.astype(np.float64) / self.input_scale) + self.input_zero
        return np.clip(whole, -LARGEST - 1, LARGEST).astype(np.int8)


def quantise_rows(weight: Array) -> tuple[Array, Array]:
    """Symmetric int8, the largest number of a row at 127.

    Args:
        weight: [rows, ...], finite.

    Returns:
        int8 of the same shape; and [rows], float64, the scale of each row.
    """
    largest = np.abs(weight.reshape(len(weight), -1)).max(axis=1, initial=0.0).astype(np.float64)
    return _rounded(weight, largest / LARGEST)


def quantise(network: Network, calibration: Array) -> Quantised:
    """Quantise a network.

    Args:
        network: its weights finite.
        calibration: [N, ...], raw inputs on which the range of every activation is measured.

    Raises:
        InputError: numbers beyond what 32 bits can sum.
    """
    scales = _scales(network, calibration)
    scale, zero = _input_scale(network, calibration, scales)
    numbers: dict[str, Numbers] = {}
    for layer in network.layers:
        if isinstance(layer, Pool) and not layer.mean:
            scales[layer.output] = scales[layer.sources[0]]
        numbers[layer.name] = _numbers(layer, scales, scale, zero)
    return Quantised(network, scale, zero, scales[network.output], numbers)


def _scales(network: Network, calibration: Array) -> dict[str, float]:
    """Tensor -> its scale; 1 where it is zero throughout."""
    largest: dict[str, float] = {}
    for batch in in_batches(calibration):
        for name, values in evaluate_float(network, batch).items():
            largest[name] = max(largest.get(name, 0.0), float(np.abs(values).max()))
    return {name: size / LARGEST or 1.0 for name, size in largest.items()}


def _input_scale(network: Network, raw: Array, scales: Mapping[str, float]) -> tuple[float, int]:
    """8 bits as they are; floats over the whole range seen, or like an activation where layers read them raw."""
    if network.input_type != "float32":
        return 1.0, 0
    if network.reads_raw:
        return scales[network.input], 0
    low, high = min(float(raw.min()), 0.0), max(float(raw.max()), 0.0)
    scale = (high - low) / (2 * LARGEST + 1) or 1.0
    return scale, round(-low / scale) - LARGEST - 1


def _numbers(layer: Layer, scales: Mapping[str, float], input_scale: float, input_zero: int) -> Numbers:
    given, made = scales[layer.sources[0]], scales[layer.output]
    if isinstance(layer, Prepare):
        return _prepare(layer, input_scale, input_zero, made)
    if isinstance(layer, Weighted):
        return _weights(layer, given, made)
    if isinstance(layer, Add):
        factors = np.array([scales[name] for name in layer.sources]) / made
        shift = int(Rescale.of(factors.max()).shifts)
        return IntegerAdd(multipliers_of(factors, np.array(shift)), shift, _clip(layer.clip, made))
    if isinstance(layer, Pointwise):
        table = apply(layer.activation, np.arange(-LARGEST - 1, LARGEST + 1) * given) / made
        return IntegerTable(np.clip(np.rint(table), -LARGEST, LARGEST).astype(np.int8))
    assert isinstance(layer, Pool), "these are all the kinds of layers"
    if not layer.mean:
        return IntegerLargest()
    taps = layer.window.kernel[0] * layer.window.kernel[1]
    if taps * LARGEST << MEAN_BITS >= 2**31:
        raise InputError(f"{layer.origin} takes the mean of {taps} numbers, too many for 32 bits", "pool in two steps")
    return IntegerMean(Rescale.of(np.array([given / made / 2**MEAN_BITS])))


def _prepare(layer: Prepare, scale: float, zero: int, made: float) -> IntegerPrepare:
    offsets = layer.mean / scale + zero
    room = 2**31 / (np.abs(offsets).max() + 256)
    if room < 2:
        raise InputError("the pre-processing subtracts more than 2^30 steps of the input", "scale the input")
    bits = min(_FRACTION_BITS, int(np.log2(room)))
    whole = np.rint(np.ldexp(offsets, bits)).astype(np.int64)
    return IntegerPrepare(bits, whole, Rescale.of(np.ldexp(layer.factor * scale / made, -bits)))


def _weights(layer: Weighted, given: float, made: float) -> IntegerWeights:
    largest = np.abs(layer.matrix).max(axis=1, initial=0.0).astype(np.float64)
    # A bias beside tiny weights would not fit into their scale.
    scales = np.maximum(largest / LARGEST, np.abs(layer.bias.astype(np.float64)) / given / 2**_BIAS_BITS)
    quants, scales = _rounded(layer.weight, scales)
    bias = np.rint(layer.bias / (scales * given)).astype(np.int64)
    sums = np.abs(quants.reshape(len(quants), -1).astype(np.int64)).sum(axis=1) * (LARGEST + 1) + np.abs(bias)
    if sums.max() >= 2**31:
        raise InputError(f"{layer.origin} has rows whose sums need more than 32 bits", "use --activations fp32")
    return IntegerWeights(quants, bias, Rescale.of(scales * given / made), _clip(layer.clip, made))


def _rounded(weight: Array, scales: Array) -> tuple[Array, Array]:
    scales = np.where(scales > 0, scales, 1.0)
    quants = np.rint(weight / scales.reshape(-1, *[1] * (weight.ndim - 1)))
    return np.clip(quants, -LARGEST, LARGEST).astype(np.int8), scales


def _clip(bounds: tuple[float, float], scale: float) -> tuple[int, int]:
    low, high = (round(min(max(bound / scale, -LARGEST), LARGEST)) for bound in bounds)
    return low, high
