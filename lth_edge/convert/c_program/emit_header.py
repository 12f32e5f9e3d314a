"""The header: the interface, its sizes and scales, and what may be called when."""

from lth_edge.convert.c_program.emit_data import comment, literal
from lth_edge.convert.c_program.emit_source import NOTICE, signature
from lth_edge.convert.c_program.program import Program


def header(program: Program) -> str:
    """NAME.h."""
    name, network = program.name, program.network
    guard = f"{name.upper()}_H"
    shape = " x ".join(map(str, network.input_shape))
    defines = [
        f"#define {name.upper()}_INPUTS {network.inputs} /* {shape}, the last axis runs fastest */",
        f"#define {name.upper()}_OUTPUTS {network.outputs}",
        f"#define {name.upper()}_ARENA_BYTES {program.arena_bytes} /* of .bss */",
        *(f"#define {name.upper()}_{suffix} {_constant(value)}" for suffix, value in program.scales.items()),
    ]
    return "\n".join(
        [
            comment(f"{name}: a neural network in plain C99.\n\n{NOTICE}"),
            f"#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n" + "\n".join(defines) + "\n",
            '#ifdef __cplusplus\nextern "C" {\n#endif\n',
            comment(_contract(program)) + f"{signature(program)};\n",
            comment(
                f"Run the examples of {name}_test.c: how many do not give what was recorded. Not part of the firmware."
            )
            + f"int {name}_self_test(void);\n",
            "#ifdef __cplusplus\n}\n#endif\n\n#endif\n",
        ]
    )


def _contract(program: Program) -> str:
    upper = program.name.upper()
    given = "raw, no pre-processing needed"
    if "INPUT_SCALE" in program.scales:
        given = (
            f"{given}: each number over {upper}_INPUT_SCALE, plus {upper}_INPUT_ZERO, rounded and clipped to "
            "-128 .. 127"
        )
    made = f"; times {upper}_OUTPUT_SCALE they are the network's" if program.scales else ""
    return (
        f"Run the network on one example.\n\n"
        f"in: [{upper}_INPUTS], {given}.\n"
        f"out: [{upper}_OUTPUTS]{made}; must not overlap in.\n\n"
        "Allocates nothing and cannot fail. Not reentrant: its tensors lie in one static arena, so one task or "
        "interrupt at a time may call it."
    )


def _constant(value: float | int) -> str:
    return f"({value})" if isinstance(value, int) else literal(value)
