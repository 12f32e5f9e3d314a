"""One program, every compiler and processor: without a warning, with the recorded outputs."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from c_build import PLATFORMS, STRICT, made_of, require, self_test_of, write
from c_nets import digits_images, residual_net

PRECISIONS = [("fp32", "fp32"), ("int8", "fp32"), ("int8", "int8")]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """(values, activations) -> the folder of a program with every kind of kernel."""
    folder, model, inputs = tmp_path_factory.mktemp("c"), residual_net(), digits_images(12)
    for values, activations in PRECISIONS:
        made, outputs = made_of(model, inputs, values, activations)
        write(folder / f"{values}-{activations}", made, inputs, outputs if values == "fp32" else None)
    return folder


@pytest.mark.parametrize("precision", PRECISIONS, ids="-".join)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_compiles_without_a_warning_and_gives_the_recorded_outputs(programs, platform, precision):
    require(platform)
    said = self_test_of(programs / "-".join(precision), platform)
    assert said == "net: 12 of 12 examples give the recorded outputs\n"


def test_needs_nothing_but_memcpy_and_memset(programs):
    require("gcc")
    for folder in programs.iterdir():
        subprocess.run(["gcc", "-std=c99", "-O2", "-ffreestanding", "-c", "net.c"], cwd=folder, check=True)
        listed = subprocess.run(["nm", "-u", "net.o"], cwd=folder, check=True, capture_output=True, text=True)
        assert set(re.findall(r"U (\w+)", listed.stdout)) <= {"memcpy", "memset"}
        assert set(re.findall(r"#include (.*)", (folder / "net.c").read_text())) == {'"net.h"', "<stddef.h>"}


def test_the_integer_program_holds_no_float(programs):
    text = (programs / "int8-int8" / "net.c").read_text()
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert "float" not in code and "double" not in code


def test_the_arena_has_the_size_that_is_said(programs):
    require("gcc")
    for folder in programs.iterdir():
        subprocess.run(["gcc", "-std=c99", "-c", "net.c"], cwd=folder, check=True)
        listed = subprocess.run(["size", "-A", "net.o"], cwd=folder, check=True, capture_output=True, text=True)
        said = re.search(r"NET_ARENA_BYTES (\d+)", (folder / "net.h").read_text())
        assert re.search(r"\.bss +(\d+)", listed.stdout)[1] == said[1]


def test_the_header_serves_cpp_too(programs):
    if shutil.which("g++") is None:
        pytest.skip("this machine has no g++")
    for folder in programs.iterdir():
        command = ["g++", "-x", "c++", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "net.h"]
        subprocess.run(command, cwd=folder, check=True)


def test_a_self_test_that_fails_says_so(tmp_path):
    require("gcc")
    inputs = digits_images(3)
    made, outputs = made_of(residual_net(), inputs)
    outputs[1] += np.abs(outputs).max() * 3e-5
    write(tmp_path, made, inputs, outputs)
    with pytest.raises(AssertionError, match="2 of 3 examples"):
        self_test_of(tmp_path, "gcc")


@pytest.mark.parametrize(
    "triple", ["aarch64-linux-gnu", "arm-linux-gnueabihf", "thumbv6m-none-eabi", "thumbv7em-none-eabihf", "riscv32"]
)
def test_clang_compiles_it_for_other_processors_without_a_c_library(programs, triple):
    require("clang")
    for folder in programs.iterdir():
        command = ["clang", f"--target={triple}", "-ffreestanding", *STRICT, "-Os", "-c", "net.c"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if "unable to create target" in done.stderr:
            pytest.skip(f"this clang knows no {triple}")
        assert done.returncode == 0 and not done.stderr, done.stderr
