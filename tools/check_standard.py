"""Prove the decoder of standard files over the onnxruntime wheels that lth-edge supports.

    python tools/check_standard.py [VERSION ...]

Each version (by default the last of every minor release from 1.20 on) loads three files of LeNet-5's size, with random
masks and four values a layer. They must compute what the dense file computes, bit for bit, with no node left of the
decoder. Prints a table, with the CPU time of a load, the least of five, and what a load adds to the peak memory of a
process, each beside the dense file's; ends with 1 if a version fails. Needs Linux, pip with an index, and this
project's requirements.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from ort_wheels import install, tried, versions  # noqa: E402

from lth_edge.convert.model_file import save_model  # noqa: E402
from lth_edge.convert.round_values import round_values  # noqa: E402
from lth_edge.convert.standard import to_standard  # noqa: E402

SHAPES = {"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "fc1": (500, 800), "fc2": (10, 500)}
DENSITIES = 0.1, 0.05, 0.03

TRIAL = """
import json, sys, time
import numpy
import onnxruntime

path, output = sys.argv[1:3]

def loaded(optimised=""):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.optimized_model_filepath = optimised
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

def milliseconds():
    begun = time.process_time()
    loaded()
    return round(1000 * (time.process_time() - begun), 1)

def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024

x = numpy.random.default_rng(0).normal(size=(3, 1, 28, 28)).astype(numpy.float32)
before = peak()
session = loaded()
added = round(peak() - before, 1)
numpy.save(output, session.run(None, {"input": x})[0])
loaded(path + ".optimised")
print(json.dumps([onnxruntime.__version__, min(milliseconds() for _ in range(5)), added]))
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        paths = [_write(Path(place), density) for density in DENSITIES]
        rows = [row for version in sys.argv[1:] or versions() for row in _rows(version, Path(place) / version, paths)]
    columns = "onnxruntime", "kept", "bytes", "output", "folded", "load ms", "dense", "memory MB", "dense"
    for row in [columns, *rows]:
        print("".join(f"{cell!s:12}" for cell in row))
    return 0 if all(row[3:5] == ["right", "yes"] for row in rows) else 1


def _write(folder: Path, density: float) -> tuple[Path, Path]:
    """The dense file and the standard one."""
    random = np.random.default_rng(0)
    masks = {name: random.random(shape) < density for name, shape in SHAPES.items()}
    arrays = {name: np.where(mask, random.normal(size=mask.shape), 0) for name, mask in masks.items()}
    arrays |= {f"{name}.bias": random.normal(size=shape[0]) for name, shape in SHAPES.items()}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "conv1", "conv1.bias"], ["c1"]),
            helper.make_node("MaxPool", ["c1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Conv", ["p1", "conv2", "conv2.bias"], ["c2"]),
            helper.make_node("MaxPool", ["c2"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Flatten", ["p2"], ["flat"]),
            helper.make_node("Gemm", ["flat", "fc1", "fc1.bias"], ["hidden"], transB=1),
            helper.make_node("Relu", ["hidden"], ["active"]),
            helper.make_node("Gemm", ["active", "fc2", "fc2.bias"], ["output"], transB=1),
        ],
        "lenet-5",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    rounded = round_values(model, masks, "codebook-4")
    paths = folder / f"dense-{density}.onnx", folder / f"ticket-{density}.onnx"
    save_model(rounded, paths[0])
    save_model(to_standard(rounded, masks), paths[1])
    return paths


def _rows(version: str, folder: Path, paths: list[tuple[Path, Path]]) -> list[list[object]]:
    install(version, folder)
    return [
        [version, f"{density:.0%}", *_row(version, folder, *pair)]
        for density, pair in zip(DENSITIES, paths, strict=True)
    ]


def _row(version: str, folder: Path, dense: Path, ticket: Path) -> list[object]:
    outputs = [path.with_suffix(".npy") for path in (dense, ticket)]
    facts = [
        tried(version, folder, TRIAL, str(path), str(out)) for path, out in zip((dense, ticket), outputs, strict=True)
    ]
    failed = [fact for fact in facts if len(fact) < 3]
    if failed:
        return [ticket.stat().st_size, failed[0][1]]
    (_, dense_time, dense_memory), (_, time, memory) = facts
    output = "right" if outputs[0].read_bytes() == outputs[1].read_bytes() else "wrong"
    folded = "yes" if _kinds(dense) == _kinds(ticket) else "no"
    return [ticket.stat().st_size, output, folded, time, dense_time, memory, dense_memory]


def _kinds(path: Path) -> list[str]:
    """Of the nodes that are left at load."""
    return [node.op_type for node in onnx.load(f"{path}.optimised").graph.node]


if __name__ == "__main__":
    sys.exit(main())
