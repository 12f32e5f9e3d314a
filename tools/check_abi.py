"""Prove the hand-written header ort_abi.h over the onnxruntime wheels that lth-edge supports.

    python tools/check_abi.py [VERSION ...]

Each version (by default the last of every minor release from 1.20 on) is installed into a folder of its own and runs a
SparseLinear, a SparseConv on two threads and a file that breaks a rule, which must be refused. Prints a table and ends
with 1 if one fails. Needs pip with an index, this project's test requirements and the built library.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools"), str(ROOT / "tests" / "kernels")]

from nodes import convolution, csr, linear, model  # noqa: E402
from ort_wheels import install, tried, versions  # noqa: E402

from lth_edge import library_path  # noqa: E402

COLUMNS = "onnxruntime", "SparseLinear", "SparseConv", "hostile file"

# What runs in a process of its own: it has the onnxruntime to be proved, numpy, and no onnx.
TRIAL = """
import json, sys
from pathlib import Path
import numpy
import onnxruntime

folder, library = Path(sys.argv[1]), sys.argv[2]

def opened(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 4
    options.register_custom_ops_library(library)
    return onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])

def right(name):
    expected = numpy.load(folder / f"{name}.npz")
    found = opened(name).run(None, {"x0": expected["x"]})[0]
    error = numpy.abs(found - expected["y"]).max() / numpy.abs(expected["y"]).max()
    return "right" if found.shape == expected["y"].shape and error < 1e-5 else f"wrong by {error:.1e}"

def refused(name):
    try:
        opened(name)
    except Exception as error:
        return "refused" if "SparseLinear 'node': layer 0" in str(error) else f"another error: {error}"
    return "loaded"

print(json.dumps([onnxruntime.__version__, right("SparseLinear"), right("SparseConv"), refused("hostile")]))
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        models = Path(place) / "models"
        models.mkdir()
        _write_models(models)
        given = str(models), str(library_path())
        rows = [_row(version, Path(place) / version, given) for version in sys.argv[1:] or versions()]
    for row in [COLUMNS, *rows]:
        print("".join(f"{cell:14}" for cell in row))
    return 0 if all(row[1:] == ["right", "right", "refused"] for row in rows) else 1


def _row(version: str, folder: Path, given: tuple[str, str]) -> list[str]:
    install(version, folder)
    return tried(version, folder, TRIAL, *given)


def _write_models(folder: Path) -> None:
    rng = np.random.default_rng(0)
    weight, x = _sparse(rng, 40, 30), rng.normal(size=(7, 30)).astype(np.float32)
    _write(folder, "SparseLinear", model(linear(weight), ["n", 30]), x, x @ weight.T)
    kernel, image = _sparse(rng, 8, 5, 3, 3), rng.normal(size=(2, 5, 9, 9)).astype(np.float32)
    patches = np.lib.stride_tricks.sliding_window_view(image, (3, 3), axis=(2, 3))
    expected = np.einsum("nchwyx,ocyx->nohw", patches, kernel)
    _write(folder, "SparseConv", model(convolution(kernel), ["n", 5, "h", "w"]), image, expected)
    falling = replace(csr(weight), indptr=csr(weight).indptr[::-1].copy())
    onnx.save(model(linear(weight, weights=falling), ["n", 30]), folder / "hostile.onnx")


def _sparse(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return np.where(rng.random(shape) < 0.2, rng.normal(size=shape), 0).astype(np.float32)


def _write(folder: Path, name: str, made: onnx.ModelProto, x: np.ndarray, y: np.ndarray) -> None:
    onnx.save(made, folder / f"{name}.onnx")
    np.savez(folder / f"{name}.npz", x=x, y=y)


if __name__ == "__main__":
    sys.exit(main())
