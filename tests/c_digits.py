"""A C program on many images: compiled as a library, called as firmware would call it."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from sklearn.datasets import load_digits


def digits_test(count):
    """[count, 1, 8, 8], float32, the last images, 0 to 16."""
    return load_digits().images[-count:, None].astype(np.float32)


def predictions(folder, sizes, images):
    """[N, outputs], real numbers; skips, with the reason, where there is no compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("this machine has no gcc")
    name = sizes["name"]
    library = folder.parent / "library.so"
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", f"{name}.c", "-o", library]
    subprocess.run(command, cwd=folder, check=True)
    run = getattr(ctypes.CDLL(str(library)), f"{name}_run")
    integer = sizes["output_type"] == "int8_t"
    constants = _constants((folder / f"{name}.h").read_text(), name.upper())
    dtype = np.int8 if integer else np.float32
    if integer:
        images = np.clip(np.rint(images / constants["INPUT_SCALE"]) + constants["INPUT_ZERO"], -128, 127).astype(
            np.int8
        )
    outputs = np.zeros((len(images), int(constants["OUTPUTS"])), dtype)
    for image, output in zip(images, outputs, strict=True):
        given = np.ascontiguousarray(image)
        run(given.ctypes.data_as(ctypes.c_void_p), output.ctypes.data_as(ctypes.c_void_p))
    return outputs * (constants["OUTPUT_SCALE"] if integer else 1)


def _constants(header, prefix):
    """What the header defines, by the part of the name behind the prefix."""
    lines = [line.split() for line in header.splitlines() if line.startswith(f"#define {prefix}_") and " " in line[8:]]
    return {words[1].removeprefix(f"{prefix}_"): float(words[2].strip("()F")) for words in lines if len(words) > 2}
