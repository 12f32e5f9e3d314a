"""Bytes of a C program: what a compiler for microcontrollers makes of it, where there is one."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lth_edge.convert.c_program.program import Program
from lth_edge.convert.c_program.text import texts

UNKNOWN = "unknown"
FLAGS = ("-std=c99", "-Os")
MOST_COMPILED = 1 << 22
"""Numbers in a file, above which a compiler takes minutes and gigabytes; no microcontroller has room for so many."""
_TIMEOUT = 120


@dataclass(frozen=True)
class Compiler:
    """A compiler with the program that lists an object's sections.

    Attributes:
        command: its name and options.
        size: name of the lister.
        words: for people.
    """

    command: Sequence[str]
    size: str
    words: str


COMPILERS = (
    Compiler(("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"), "arm-none-eabi-size", "GCC for Arm Cortex-M4"),
    Compiler(("cc",), "size", "this machine's compiler"),
)


@dataclass(frozen=True)
class Bytes:
    """What a program takes.

    Attributes:
        code: instructions, or `UNKNOWN` where nothing compiled it.
        data: constants.
        arena: memory that is written.
        compiler: what compiled it, in words, or `UNKNOWN`.
    """

    code: int | str
    data: int
    arena: int
    compiler: str


def bytes_of(program: Program) -> Bytes:
    """Bytes of a program, by the first of `COMPILERS` that is there; without one the tables are counted."""
    counted = Bytes(UNKNOWN, sum(call.table_bytes for call in program.calls), program.arena_bytes, UNKNOWN)
    if sum(table.size for call in program.calls for table in call.tables.values()) > MOST_COMPILED:
        return counted
    for compiler in COMPILERS:
        if shutil.which(compiler.command[0]) and shutil.which(compiler.size):
            sections = _sections(compiler, program)
            if sections is not None:
                data = sections.get("rodata", 0) + sections.get("data", 0)
                words = f"{compiler.words}, {' '.join(FLAGS)}"
                return Bytes(sections.get("text", 0), data, program.arena_bytes, words)
    return counted


def _sections(compiler: Compiler, program: Program) -> dict[str, int] | None:
    """Kind of section -> bytes, of the object file; `None` where it does not come about."""
    with tempfile.TemporaryDirectory(prefix="lth-edge-") as name:
        folder = Path(name)
        for file, text in texts(program).items():
            (folder / file).write_text(text, encoding="ascii")
        made = _run([*compiler.command, *FLAGS, "-c", "-o", "program.o", f"{program.name}.c"], folder)
        listed = None if made is None else _run([compiler.size, "-A", "program.o"], folder)
    if listed is None:
        return None
    sections: dict[str, int] = {}
    for words in map(str.split, listed.splitlines()):
        if len(words) == 3 and words[0].startswith(".") and words[1].isdigit():
            kind = words[0].split(".")[1]
            sections[kind] = sections.get(kind, 0) + int(words[1])
    return sections


def _run(command: list[str], folder: Path) -> str | None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
