"""C programs compiled and run: on this machine, or for another under qemu."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from onnx_nets import run

from lth_edge.convert.c_program.emit_test import self_test
from lth_edge.convert.c_program.make import make
from lth_edge.convert.c_program.text import texts

BOARD = Path(__file__).parents[2] / "deploy" / "c" / "mps2-an385"
STRICT = (
    "-std=c99 -pedantic -Wall -Wextra -Werror -Wconversion -Wdouble-promotion -Wshadow -Wcast-qual -Wmissing-prototypes"
).split()
CORTEX_M3 = ["-mcpu=cortex-m3", "-mthumb", "--specs=rdimon.specs"]
ON_BOARD = "qemu-system-arm -M mps2-an385 -nographic -semihosting-config enable=on,target=native -kernel".split()


@dataclass(frozen=True)
class Platform:
    """How to compile for a machine, and what runs the result."""

    compile: Sequence[str]
    run: Sequence[str] = ()
    sources: Sequence[str] = ()

    @property
    def tools(self):
        return [self.compile[0], *self.run[:1]]


PLATFORMS = {
    "gcc": Platform(["gcc", "-O2"]),
    "clang": Platform(["clang", "-O2"]),
    "sanitized": Platform(["gcc", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]),
    "arm64": Platform(["aarch64-linux-gnu-gcc", "-O2", "-static"], ["qemu-aarch64"]),
    "armhf": Platform(["arm-linux-gnueabihf-gcc", "-O2", "-static"], ["qemu-arm"]),
    "cortex-m3": Platform(
        ["arm-none-eabi-gcc", "-O2", *CORTEX_M3, "-T", str(BOARD / "board.ld")],
        ON_BOARD,
        [str(BOARD / "vectors.c")],
    ),
}


def require(platform):
    """Skip, with the reason, where this machine lacks a tool."""
    lacking = [tool for tool in PLATFORMS[platform].tools if shutil.which(tool) is None]
    if lacking:
        pytest.skip(f"this machine has no {' and no '.join(lacking)}")


def write(folder, made, inputs, expected=None, dense=False):
    """The three files of a program called `net`, with a self-test on raw inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    program = made.program("net", dense)
    wanted = made.gives(inputs) if expected is None else expected.reshape(len(inputs), -1)
    for name, text in (texts(program) | {"net_test.c": self_test(program, made.takes(inputs), wanted)}).items():
        (folder / name).write_text(text)
    return program


def self_test_of(folder, platform, name="net"):
    """What a program's self-test prints, once compiled without a warning; fails where it fails."""
    how = PLATFORMS[platform]
    command = [*how.compile, *STRICT, *how.sources, f"{name}.c", f"{name}_test.c", "-o", "program"]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    done = subprocess.run([*how.run, "./program"], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def made_of(model, inputs, values="fp32", activations="fp32"):
    """A model at one precision, calibrated and proved on these inputs; and what onnxruntime gives for them."""
    outputs = np.concatenate([run(model, row[None])[0] for row in inputs])
    return make(model, values, activations, inputs, inputs, outputs), outputs
