from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


def _perceptron(widths):
    random = np.random.default_rng(0)
    nodes, weights, value = [], [], "x"
    for level, shape in enumerate(pairwise(widths)):
        weights.append(numpy_helper.from_array(random.standard_normal(shape, np.float32), f"w{level}"))
        nodes.append(helper.make_node("MatMul", [value, f"w{level}"], [f"m{level}"]))
        nodes.append(helper.make_node("Relu", [f"m{level}"], [f"y{level}"]))
        value = f"y{level}"
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", widths[0]])
    made = helper.make_tensor_value_info(value, TensorProto.FLOAT, ["n", widths[-1]])
    graph = helper.make_graph(nodes, "perceptron", [given], [made], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.fixture(scope="session")
def forms(tmp_path_factory):
    """A dense network, a byte-for-byte copy, and one far smaller."""
    folder = tmp_path_factory.mktemp("forms")
    for name, hidden in {"dense": 1024, "copy": 1024, "small": 8}.items():
        onnx.save(_perceptron([16, hidden, hidden, 10]), folder / f"{name}.onnx")
    return {name: folder / f"{name}.onnx" for name in ("dense", "copy", "small")}


@pytest.fixture(scope="session")
def batches():
    return {4: {"x": np.ones((4, 16), np.float32)}, 1: {"x": np.ones((1, 16), np.float32)}}


@pytest.fixture
def report():
    """The ticket is small, as fast as dense and accurate; int8 is faster but too inaccurate."""

    def form(name, size, validation, test):
        return {
            "name": name,
            "file": f"{name}.onnx",
            "bytes": size,
            "validation_metric": validation,
            "test_metric": test,
        }

    def latency(form, batch, median, verdict, warning=""):
        low, high = median * 0.98, median * 1.02
        speedup = {"median": median, "low": low, "high": high, "verdict": verdict}
        return {"form": form, "batch": batch, "p50_us": 50 / median, "speedup": speedup, "warning": warning}

    def level(level, control, validation, test):
        return {
            "seed": 0,
            "level": level,
            "control": control,
            "validation_metric": validation,
            "test_metric": test,
        }

    return {
        "kind": "winning ticket",
        "recipe": {"bench": {"prefer": "balanced"}},
        "task": {
            "metric": {"name": "accuracy", "unit": "%", "higher_is_better": True},
            "tolerance": 1.0,
            "examples": {"train": 1293, "validation": 144, "test": 360},
            "test_set": "carved",
            "test_reads": 1,
        },
        "levels": [level(0, "", 97.9, 97.5), level(11, "", 97.2, 97.1)],
        "chosen": {"seed": 0, "level": 11},
        "forms": [
            form("dense", 2_400_000, 97.9, 97.5),
            form("int8", 600_000, 90.0, 97.4),
            form("ticket", 300_000, 97.2, 97.1),
        ],
        "sizes": [
            {"form": "dense fp32", "bytes": 2_400_000, "factor": 1.0},
            {"form": "dense with zeros gzipped", "bytes": 400_000, "factor": 6.0},
        ],
        "measurements": {
            "null_us": {"1": 9.0, "32": 9.5},
            "latency": [
                latency("dense", 1, 1.0, "baseline", "under 5x"),
                latency("int8", 1, 2.5, "faster", "under 5x"),
                latency("ticket", 1, 1.0, "no measurable change", "under 5x"),
                latency("dense", 32, 1.0, "baseline"),
                latency("int8", 32, 2.0, "faster"),
                latency("ticket", 32, 0.8, "slower"),
            ],
            "load": [{"form": "dense", "median_ms": 3.0}, {"form": "ticket", "median_ms": 6.0}],
            "memory": [
                {"form": "dense", "peak_bytes": 45_000_000, "above_empty_bytes": 5_000_000},
                {"form": "int8", "peak_bytes": 42_000_000, "above_empty_bytes": 2_000_000},
                {"form": "ticket", "peak_bytes": 45_000_000, "above_empty_bytes": 5_000_000},
            ],
            "raw": {
                "memory_bytes": {
                    "dense": [44_900_000, 45_000_000, 45_100_000],
                    "int8": [41_900_000, 42_000_000, 42_100_000],
                    "ticket": [44_950_000, 45_000_000, 45_200_000],
                    "": [40_000_000],
                }
            },
        },
    }
