"""The C file: types, kernels, weights, arena and the one function that runs them."""

from importlib.resources import files as packaged

from lth_edge._version import __version__
from lth_edge.convert.c_program.emit_data import call_data, comment
from lth_edge.convert.c_program.layers import Weighted
from lth_edge.convert.c_program.program import Call, Program

NOTICE = (
    f"Written by lth-edge {__version__}. This code: MIT-0 (MIT No Attribution), copyright the lth-edge authors, "
    "provided as is, without warranty of any kind. The weights have the licence of the network that they come from."
)


def source(program: Program) -> str:
    """NAME.c."""
    return "\n".join(
        [
            comment(f"{program.name}: a neural network in plain C99.\n\n{NOTICE}"),
            f'#include "{program.name}.h"\n\n#include <stddef.h>\n',
            f"typedef {program.input_type} input_t;\n" if not program.network.reads_raw else "",
            *(kernel(name) for name in _kernels(program)),
            *(_layer(call) for call in program.calls),
            _arena(program),
            _run(program),
        ]
    ).replace("\n\n\n", "\n\n")


def kernel(name: str) -> str:
    """A file of `c/`, as it stands."""
    return (packaged("lth_edge.convert.c_program") / "c" / f"{name}.c").read_text(encoding="ascii")


def _kernels(program: Program) -> list[str]:
    """The types, then each kernel once: nothing that is not used, which a compiler would warn of."""
    return list(dict.fromkeys([program.types, *(name for call in program.calls for name in call.kernels)]))


def _layer(call: Call) -> str:
    return comment(describe(call)) + call_data(call)


def describe(call: Call) -> str:
    """One line on a layer."""
    layer = call.layer
    text = f"{layer.name}, {layer.origin}: {_sizes(*layer.reads)} -> {_sizes(*layer.makes)}"
    if not isinstance(layer, Weighted) or call.stored is None:
        return text
    form = "all stored" if call.stored.gaps is None else "stored with gaps"
    share = 1 - call.stored.nonzero / call.stored.weights
    return f"{text}; {call.stored.weights:,} weights, {share:.1%} zeros, {form}, {call.stored.bytes:,} bytes"


def _sizes(channels: int, height: int, width: int) -> str:
    return str(channels) if height == width == 1 else f"{channels} x {height} x {width}"


def _arena(program: Program) -> str:
    members = []
    if program.sums:
        members.append(f"  sum_t sums[{program.sums}]; /* one output channel of a convolution */")
    if program.arena.size:
        members.append(f"  activation_t tensors[{program.arena.size}];")
    if not members:
        return ""
    head = comment("All memory that is written: tensors that are never needed at the same time share it.")
    return head + "static struct {\n" + "\n".join(members) + "\n} arena;\n"


def _run(program: Program) -> str:
    places = {
        name: f"arena.tensors + {offset}" if offset else "arena.tensors"
        for name, offset in program.arena.offsets.items()
    }
    places |= {program.network.input: "in", program.network.output: "out"}
    lines = [f"  {_statement(call, places)};\n" for call in program.calls]
    return f"{signature(program)} {{\n{''.join(lines)}}}\n"


def signature(program: Program) -> str:
    """What the one function takes."""
    return f"void {program.name}_run(const {program.input_type}* in, {program.output_type}* out)"


def _statement(call: Call, places: dict[str, str]) -> str:
    sources = {f"in{index}": places[name] for index, name in enumerate(call.layer.sources)}
    return call.statement.format(**sources, out=places[call.layer.output])
