"""A C program before it is text: calls of kernels, the tables and structs that they read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lth_edge.convert.c_program.layers import Layer, Network, Pool, Prepare, Shape, Weighted
from lth_edge.convert.c_program.plan_arena import Arena
from lth_edge.convert.c_program.store import Stored
from lth_edge.convert.chain_layer import Window
from lth_edge.ticket import Array

Fields = Mapping[str, Any]
"""Member -> a number, a string that is C as it is, or fields of a struct inside."""


@dataclass(frozen=True, eq=False)
class Call:
    """One layer.

    Attributes:
        layer: that it computes.
        kernels: files of `c/` that it needs, beside the types.
        statement: C, with {in0}, {in1} and {out} in place of tensors.
        tables: suffix -> array; its name in C is the layer's, `_` and the suffix.
        structs: suffix -> its type and its members.
        sums: numbers in the room for sums that it needs.
        stored: its weight.
    """

    layer: Layer
    kernels: tuple[str, ...]
    statement: str
    tables: Mapping[str, Array] = field(default_factory=dict)
    structs: Mapping[str, tuple[str, Fields]] = field(default_factory=dict)
    sums: int = 0
    stored: Stored | None = None

    @property
    def table_bytes(self) -> int:
        return sum(table.nbytes for table in self.tables.values())


@dataclass(frozen=True, eq=False)
class Program:
    """A whole program.

    Attributes:
        name: a C identifier that all its public names begin with.
        types: the file of `c/` with its types.
        input_type, output_type: in C.
        calls: in the order of running.
        scales: of an integer program, OUTPUT_SCALE, INPUT_SCALE and INPUT_ZERO; see the header.
    """

    name: str
    network: Network
    types: str
    input_type: str
    output_type: str
    calls: tuple[Call, ...]
    arena: Arena
    scales: Mapping[str, float | int] = field(default_factory=dict)

    @property
    def sums(self) -> int:
        """Numbers in the room for sums, of 4 bytes each."""
        return max(call.sums for call in self.calls)

    @property
    def arena_bytes(self) -> int:
        """Of the arena, as a compiler lays it out: the sums, the tensors, and padding to 4 bytes."""
        tensors = self.arena.size * (1 if self.output_type == "int8_t" else 4)
        return 4 * self.sums + (-(-tensors // 4) * 4 if self.sums else tensors)


def window_fields(window: Window, reads: Shape, makes: Shape) -> Fields:
    """Members of a `window_t`."""
    return {
        "channels": reads.channels,
        "height": reads.height,
        "width": reads.width,
        "out_height": makes.height,
        "out_width": makes.width,
        "kernel_height": window.kernel[0],
        "kernel_width": window.kernel[1],
        "stride_height": window.strides[0],
        "stride_width": window.strides[1],
        "dilation_height": window.dilations[0],
        "dilation_width": window.dilations[1],
        "top": window.pads[0],
        "left": window.pads[1],
    }


def weighted_call(layer: Weighted, stored: Stored, tables: Mapping[str, Array], bounds: Fields) -> Call:
    """The call of a weight layer.

    Args:
        stored: its weight.
        tables: one number a row each; members of `epilogue_t` under the same names.
        bounds: the other members.
    """
    parts = {"weights": stored.values, "gaps": stored.gaps, "counts": stored.counts, **tables}
    given = {suffix: table for suffix, table in parts.items() if table is not None}
    rows = {
        **{member: f"{layer.name}_{member}" if member in given else "NULL" for member in ("weights", "gaps", "counts")},
        "rows": len(layer.weight),
        "columns": layer.matrix.shape[1],
        "epilogue": {**{member: f"{layer.name}_{member}" for member in tables}, **bounds},
    }
    structs: dict[str, tuple[str, Fields]] = {"rows": ("rows_t", rows)}
    if layer.connected:
        kernel = "linear_dense" if stored.gaps is None else "linear_gaps"
        statement = f"{kernel}(&{layer.name}_rows, {{in0}}, {{out}})"
        return Call(layer, ("rows", kernel), statement, given, structs, 0, stored)
    structs["window"] = ("window_t", window_fields(layer.window, layer.reads, layer.makes))
    statement = f"conv(&{layer.name}_rows, &{layer.name}_window, {layer.group}, {{in0}}, arena.sums, {{out}})"
    return Call(layer, ("rows", "window", "conv"), statement, given, structs, layer.makes.plane, stored)


def pool_call(layer: Pool, kernel: str, numbers: Fields) -> Call:
    """The call of a pool.

    Args:
        kernel: the file of `c/` that divides; of a maximum none.
        numbers: members of `mean_t` beside the divisor.
    """
    window: dict[str, tuple[str, Fields]] = {
        "window": ("window_t", window_fields(layer.window, layer.reads, layer.makes))
    }
    if not layer.mean:
        statement = f"max_pool(&{layer.name}_window, {{in0}}, {{out}})"
        return Call(layer, ("window", "max_pool"), statement, structs=window)
    whole = layer.window.kernel[0] * layer.window.kernel[1]
    mean = {"divisor": whole if layer.counts_padding else 0, **numbers}
    statement = f"mean_pool(&{layer.name}_window, &{layer.name}_mean, {{in0}}, {{out}})"
    return Call(layer, ("window", kernel, "mean_pool"), statement, structs={**window, "mean": ("mean_t", mean)})


def prepare_call(layer: Prepare, kernel: str, tables: Mapping[str, Array], numbers: Fields) -> Call:
    """The call of pre-processing.

    Args:
        kernel: the file of `c/`.
        tables: one number a channel each; members of `prepare_t` under the same names.
        numbers: the other members, beside those that say where a channel's numbers lie in the raw input.
    """
    channels = layer.mean.size
    positions = layer.makes.size // channels
    members = {
        **{member: f"{layer.name}_{member}" for member in tables},
        **numbers,
        "channels": channels,
        "positions": positions,
        "channel_step": 1 if layer.channels_last else positions,
        "position_step": channels if layer.channels_last else 1,
    }
    return numbered_call(layer, kernel, "prepare", members, tables)


def numbered_call(
    layer: Layer, kernel: str, function: str, members: Fields, tables: Mapping[str, Array] | None = None
) -> Call:
    """The call of a kernel whose first argument is a struct of its own type, then come the sources and the output."""
    sources = "".join(f"{{in{place}}}, " for place in range(len(layer.sources)))
    statement = f"{function}(&{layer.name}_numbers, {sources}{{out}})"
    return Call(layer, (kernel,), statement, tables or {}, {"numbers": (f"{function}_t", members)})
