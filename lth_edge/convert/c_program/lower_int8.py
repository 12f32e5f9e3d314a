"""A network in integers -> calls of C kernels."""

import numpy as np

from lth_edge.convert.c_program.layers import Layer, Pool, Prepare, Weighted
from lth_edge.convert.c_program.lower_float import C_TYPES
from lth_edge.convert.c_program.plan_arena import plan_arena
from lth_edge.convert.c_program.program import (
    Call,
    Program,
    numbered_call,
    pool_call,
    prepare_call,
    weighted_call,
)
from lth_edge.convert.c_program.quantise import (
    IntegerAdd,
    IntegerMean,
    IntegerPrepare,
    IntegerTable,
    IntegerWeights,
    Quantised,
)
from lth_edge.convert.c_program.rescale import Rescale
from lth_edge.convert.c_program.store import store
from lth_edge.ticket import Array


def lower_int8(quantised: Quantised, name: str, dense: bool) -> Program:
    """Write every layer as a call.

    Args:
        quantised: the network.
        name: of the program.
        dense: store every weight, zeros too.
    """
    network = quantised.network
    scales: dict[str, float | int] = {"OUTPUT_SCALE": quantised.output_scale}
    if network.input_type == "float32":
        scales |= {"INPUT_SCALE": quantised.input_scale, "INPUT_ZERO": quantised.input_zero}
    return Program(
        name,
        network,
        "types_int8",
        "int8_t" if network.input_type == "float32" else C_TYPES[network.input_type],
        "int8_t",
        tuple(_call(quantised, layer, dense) for layer in network.layers),
        plan_arena(network),
        scales,
    )


def _call(quantised: Quantised, layer: Layer, dense: bool) -> Call:
    numbers, size = quantised.numbers[layer.name], layer.makes.size
    if isinstance(numbers, IntegerWeights):
        assert isinstance(layer, Weighted), "no other layer has weights"
        stored = store(numbers.quants.reshape(layer.matrix.shape), dense)
        tables = {"bias": numbers.bias.astype(np.int32), **_tables(numbers.rescale)}
        return weighted_call(layer, stored, tables, {"low": numbers.clip[0], "high": numbers.clip[1]})
    if isinstance(numbers, IntegerPrepare):
        assert isinstance(layer, Prepare), "no other layer prepares"
        tables = {"offsets": numbers.offsets.astype(np.int32), **_tables(numbers.rescale)}
        return prepare_call(layer, "prepare_int8", tables, {"unit": 1 << numbers.bits})
    if isinstance(numbers, IntegerAdd):
        first, second = map(int, numbers.multipliers)
        fields = {"size": size, "first": first, "second": second, "shift": numbers.shift}
        fields |= {"low": numbers.clip[0], "high": numbers.clip[1]}
        return numbered_call(layer, "add_int8", "add", fields)
    if isinstance(numbers, IntegerTable):
        statement = f"look_up({layer.name}_table, {size}, {{in0}}, {{out}})"
        return Call(layer, ("look_up_int8",), statement, {"table": numbers.table})
    assert isinstance(layer, Pool), "these are all the kinds of layers"
    if not isinstance(numbers, IntegerMean):
        return pool_call(layer, "", {})
    multiplier, shift = (int(part[0]) for part in numbers.rescale)
    return pool_call(layer, "mean_int8", {"multiplier": multiplier, "shift": shift})


def _tables(rescale: Rescale) -> dict[str, Array]:
    return {"multipliers": rescale.multipliers.astype(np.int32), "shifts": rescale.shifts.astype(np.uint8)}
