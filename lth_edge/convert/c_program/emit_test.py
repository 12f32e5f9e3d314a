"""The self-test: recorded inputs, what they must give, and a main that prints whether they do."""

from lth_edge.convert.c_program.emit_data import array, comment, literal
from lth_edge.convert.c_program.emit_source import NOTICE
from lth_edge.convert.c_program.program import Program
from lth_edge.ticket import Array

FLOAT_TOLERANCE = 1e-5
"""Of the largest output; integers are compared bit for bit."""


def self_test(program: Program, inputs: Array, outputs: Array) -> str:
    """NAME_test.c.

    Args:
        inputs: [N, inputs], as the program takes them.
        outputs: [N, outputs], what it must give.
    """
    name, upper = program.name, program.name.upper()
    exact = program.output_type == "int8_t"
    within = "exactly" if exact else f"within {FLOAT_TOLERANCE:g} of the largest output"
    allowed = literal(FLOAT_TOLERANCE * float(abs(outputs).max()))
    tolerance = "" if exact else f"static const float tolerance = {allowed};\n"
    return "\n".join(
        [
            comment(f"Self-test of {name}: recorded examples must give recorded outputs, {within}.\n\n{NOTICE}"),
            f'#include "{name}.h"\n\n#ifndef {upper}_NO_MAIN\n#include <stdio.h>\n#endif\n',
            f"enum {{ examples = {len(inputs)} }};\n",
            array("inputs", inputs),
            array("expected", outputs) + tolerance,
            _FLOAT_DIFFERS if not exact else _INTEGER_DIFFERS,
            _SELF_TEST.replace("NAME", name).replace("UPPER", upper).replace("TYPE", program.output_type),
        ]
    )


_FLOAT_DIFFERS = """\
static int differs(float got, float wanted) {
  return !(got - wanted <= tolerance && wanted - got <= tolerance);
}
"""

_INTEGER_DIFFERS = """\
static int differs(int8_t got, int8_t wanted) { return got != wanted; }
"""

_SELF_TEST = """\
int NAME_self_test(void) {
  static TYPE out[UPPER_OUTPUTS];
  int failed = 0;
  for (int example = 0; example < examples; example++) {
    int wrong = 0;
    NAME_run(inputs[example], out);
    for (int i = 0; i < UPPER_OUTPUTS; i++) {
      wrong = wrong || differs(out[i], expected[example][i]);
    }
    failed += wrong;
  }
  return failed;
}

#ifndef UPPER_NO_MAIN
int main(void) {
  const int failed = NAME_self_test();
  printf("NAME: %d of %d examples give the recorded outputs\\n", examples - failed, (int)examples);
  return failed == 0 ? 0 : 1;
}
#endif
"""
