"""A program as text."""

from lth_edge.convert.c_program.emit_header import header
from lth_edge.convert.c_program.emit_source import source
from lth_edge.convert.c_program.program import Program


def texts(program: Program) -> dict[str, str]:
    """What firmware compiles: file name -> text, ASCII."""
    return {f"{program.name}.c": source(program), f"{program.name}.h": header(program)}
