"""A network with float activations -> calls of C kernels; its weights are floats, or int8 with a scale a row."""

from dataclasses import replace
from typing import Any

import numpy as np

from lth_edge.convert.c_program.layers import Add, Layer, Network, Pointwise, Pool, Prepare, Weighted
from lth_edge.convert.c_program.plan_arena import plan_arena
from lth_edge.convert.c_program.program import (
    Call,
    Program,
    numbered_call,
    pool_call,
    prepare_call,
    weighted_call,
)
from lth_edge.convert.c_program.quantise import quantise_rows
from lth_edge.convert.c_program.store import store
from lth_edge.convert.chain_layer import CLIP, HARD_SWISH
from lth_edge.errors import InputError

C_TYPES = {"float32": "float", "uint8": "uint8_t", "int8": "int8_t"}


def lower_float(network: Network, name: str, int8_weights: bool, dense: bool) -> Program:
    """Write every layer as a call.

    Args:
        name: of the program.
        int8_weights: store weights in 8 bits.
        dense: store every weight, zeros too.

    Raises:
        InputError: a function needs a library that a C program does without.
    """
    return Program(
        name,
        network,
        "types_int8_weights" if int8_weights else "types_fp32",
        C_TYPES[network.input_type],
        "float",
        tuple(_call(layer, int8_weights, dense) for layer in network.layers),
        plan_arena(network),
    )


def with_int8_weights(network: Network) -> Network:
    """The network that the int8 weights stand for."""
    return replace(network, layers=tuple(_as_stored(layer) for layer in network.layers))


def _as_stored(layer: Layer) -> Layer:
    if not isinstance(layer, Weighted):
        return layer
    quants, scales = quantise_rows(layer.weight)
    return replace(layer, weight=quants * scales.astype(np.float32).reshape(-1, 1, 1, 1))


def _call(layer: Layer, int8_weights: bool, dense: bool) -> Call:
    if isinstance(layer, Weighted):
        return _weighted(layer, int8_weights, dense)
    if isinstance(layer, Prepare):
        tables = {"means": layer.mean.astype(np.float32), "factors": layer.factor.astype(np.float32)}
        return prepare_call(layer, "prepare_float", tables, {})
    if isinstance(layer, Add):
        return numbered_call(layer, "add_float", "add", {"size": layer.makes.size, **_bounds(layer.clip)})
    if isinstance(layer, Pointwise):
        return _pointwise(layer)
    assert isinstance(layer, Pool), "these are all the kinds of layers"
    return pool_call(layer, "mean_float", {})


def _weighted(layer: Weighted, int8_weights: bool, dense: bool) -> Call:
    tables = {"bias": layer.bias.astype(np.float32)}
    matrix = layer.matrix
    if int8_weights:
        matrix, scales = quantise_rows(layer.matrix)
        tables = {"scales": scales.astype(np.float32), **tables}
    return weighted_call(layer, store(matrix, dense), tables, _bounds(layer.clip))


def _pointwise(layer: Pointwise) -> Call:
    if layer.activation.kind == CLIP:
        bounds = _bounds((layer.activation.low, layer.activation.high))
        return numbered_call(layer, "bound_float", "bound", {"size": layer.makes.size, **bounds})
    if layer.activation.kind == HARD_SWISH:
        return Call(layer, ("hard_swish_float",), f"hard_swish({layer.makes.size}, {{in0}}, {{out}})")
    raise InputError(
        f"GELU after {layer.origin} needs erf or tanh, and a C program does without their library",
        "use --activations int8, which looks it up in a table",
    )


def _bounds(clip: tuple[float, float]) -> dict[str, Any]:
    low, high = clip
    return {"low": float(np.float32(low)), "high": float(np.float32(high))}
