"""Numbers as C: arrays, structs and literals that the compiler reads back bit for bit."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np

from lth_edge.convert.c_program.program import Call, Fields
from lth_edge.ticket import Array

_WIDTH = 120
_LARGEST = float(np.finfo(np.float32).max)
_TYPES = {
    np.dtype(np.int8): "int8_t",
    np.dtype(np.uint8): "uint8_t",
    np.dtype(np.uint16): "uint16_t",
    np.dtype(np.int32): "int32_t",
    np.dtype(np.float32): "float",
}


def call_data(call: Call) -> str:
    """The tables and structs of a layer."""
    name = call.layer.name
    tables = (array(f"{name}_{suffix}", table) for suffix, table in call.tables.items())
    structs = (
        f"static const {kind} {name}_{suffix} = {_fields(fields)};\n" for suffix, (kind, fields) in call.structs.items()
    )
    return "".join([*tables, *structs])


def array(name: str, numbers: Array) -> str:
    """A constant array; of two axes, one pair of inner braces a row."""
    sizes = "".join(f"[{size}]" for size in numbers.shape)
    rows = [_wrapped(", ".join(map(literal, row.tolist()))) for row in numbers.reshape(-1, numbers.shape[-1])]
    body = rows[0] if numbers.ndim == 1 else ",\n".join(f"    {{\n{row}\n    }}" for row in rows)
    return f"static const {_TYPES[numbers.dtype]} {name}{sizes} = {{\n{body}\n}};\n"


def literal(value: float | int) -> str:
    """A number that C reads back bit for bit: of a Python float the nearest 32 bits; infinite ones as the largest."""
    if isinstance(value, int):
        return str(value)
    text = f"{min(max(value, -_LARGEST), _LARGEST):.9g}"
    return f"{text}F" if "." in text or "e" in text else f"{text}.0F"


def comment(text: str) -> str:
    """A block comment; nothing in the text can end it."""
    safe = text.encode("ascii", "replace").decode("ascii")
    for mark, harmless in (("*/", "* /"), ("/*", "/ *"), ("??", "? ?")):
        safe = safe.replace(mark, harmless)
    lines = [line for part in safe.splitlines() for line in textwrap.wrap(part, _WIDTH - 3) or [""]]
    if len(lines) == 1:
        return f"/* {lines[0]} */\n"
    return f"/* {lines[0]}\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines[1:]) + " */\n"


def _fields(fields: Fields, indent: str = "") -> str:
    members = (f"{indent}    .{member} = {_value(value, indent)},\n" for member, value in fields.items())
    return "{\n" + "".join(members) + indent + "}"


def _value(value: Any, indent: str) -> str:
    if isinstance(value, Mapping):
        return _fields(value, indent + "    ")
    return value if isinstance(value, str) else literal(value)


def _wrapped(text: str) -> str:
    """Lines of numbers, many times faster than textwrap."""
    lines, start = [], 0
    while len(text) - start > _WIDTH - 4:
        end = text.rindex(" ", start, start + _WIDTH - 3)
        lines.append(text[start:end])
        start = end + 1
    return "\n".join("    " + line for line in [*lines, text[start:]])
