"""Two small networks and what they compute."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LABELS = ("cat", "dog", "eel")


def save_network(path: Path, split: bool = False) -> None:
    """uint8 pixels [N, 2, 3] -> scores [N, 3]; split: the same with one node more."""
    weight = np.arange(18, dtype=np.float32).reshape(6, 3) - 8
    nodes = [
        helper.make_node("Cast", ["pixels"], ["same" if split else "real"], to=TensorProto.FLOAT),
        *([helper.make_node("Identity", ["same"], ["real"])] if split else []),
        helper.make_node("Mul", ["real", "scale"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 2, 3])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.float32(1 / 255), "scale")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)


def save_two_inputs(path: Path) -> None:
    """left, right [N, 2] -> total [N, 2], larger (the index of its larger one) [N], product [N, 2]."""
    nodes = [
        helper.make_node("Add", ["left", "right"], ["total"]),
        helper.make_node("ArgMax", ["total"], ["larger"], axis=1, keepdims=0),
        helper.make_node("Mul", ["left", "right"], ["product"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in ("left", "right")],
        [
            helper.make_tensor_value_info("total", TensorProto.FLOAT, ["N", 2]),
            helper.make_tensor_value_info("larger", TensorProto.INT64, ["N"]),
            helper.make_tensor_value_info("product", TensorProto.FLOAT, ["N", 2]),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)


def scores(pixels: np.ndarray) -> np.ndarray:
    """What the network computes, in numpy."""
    weight = np.arange(18, dtype=np.float32).reshape(6, 3) - 8
    return (pixels.reshape(len(pixels), -1).astype(np.float32) * np.float32(1 / 255)) @ weight


PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 2, 3) * 10


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)
