"""Bytes of a C program: what a compiler for microcontrollers makes of it, where there is one."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    Compiler(("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"), "arm-none-eabi-size", "arm-none-eabi-gcc, Cortex-M4"),
    Compiler(("cc",), "size", "this machine's compiler"),
)
FLAGS = ("-std=c99", "-Os", "-ffunction-sections", "-c")


@dataclass(frozen=True)
class Measured:
    """Bytes of one object file.

    Attributes:
        code: instructions.
        data: constants.
        arena: memory that is written.
        compiler: what made it, in words.
    """

    code: int
    data: int
    arena: int
    compiler: str


def measure(sources: Mapping[str, str], main: str) -> Measured | None:
    """Compile a C file; `None` where no compiler is found or it does not compile.

    Args:
        sources: file name -> text.
        main: the file to compile.
    """
    for compiler in COMPILERS:
        if shutil.which(compiler.command[0]) and shutil.which(compiler.size):
            with tempfile.TemporaryDirectory(prefix="lth-edge-") as folder:
                for name, text in sources.items():
                    (Path(folder) / name).write_text(text, encoding="ascii")
                return _compiled(compiler, Path(folder), main)
    return None


def _compiled(compiler: Compiler, folder: Path, main: str) -> Measured | None:
    made = _run([*compiler.command, *FLAGS, "-o", "program.o", main], folder)
    listed = _run([compiler.size, "-A", "program.o"], folder) if made is not None else None
    if listed is None:
        return None
    sections: dict[str, int] = {}
    for line in listed.splitlines():
        words = line.split()
        if len(words) == 3 and words[0].startswith(".") and words[1].isdigit():
            kind = words[0].split(".")[1]
            sections[kind] = sections.get(kind, 0) + int(words[1])
    data = sum(size for kind, size in sections.items() if kind in {"rodata", "data"})
    return Measured(sections.get("text", 0), data, sections.get("bss", 0), f"{compiler.words}, {' '.join(FLAGS[:2])}")


def _run(command: list[str], folder: Path) -> str | None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
