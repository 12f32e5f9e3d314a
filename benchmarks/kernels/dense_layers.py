"""What onnxruntime itself says that each layer of a model takes, by the shape of its weight."""

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

_RUNS = 40
Shape = tuple[int, ...]


def layer_times(path: Path, inputs: Mapping[str, Any], folder: Path) -> dict[Shape, float]:
    """Microseconds on one thread, medians over runs, summed over the layers with a weight of that shape.

    Args:
        path: a model of standard operators.
        inputs: of a run.
        folder: for onnxruntime's profile.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.enable_profiling, options.profile_file_prefix = True, str(folder / "profile")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for _ in range(_RUNS):
        session.run(None, dict(inputs))
    events = json.loads(Path(session.end_profiling()).read_text())
    durations: dict[tuple[str, Shape], list[int]] = defaultdict(list)
    for event in events:
        if event["name"].endswith("_kernel_time") and (shape := _weight(event["args"])):
            durations[event["name"], shape].append(event["dur"])
    times: dict[Shape, float] = defaultdict(float)
    for (_, shape), found in durations.items():
        times[shape] += median(found)
    return dict(times)


def _weight(about: Mapping[str, Any]) -> Shape:
    """The shape of a convolution's weight; empty for other nodes."""
    shapes = about.get("input_type_shape", [])
    if "Conv" not in about.get("op_name", "") or len(shapes) < 2:
        return ()
    return tuple(*shapes[1].values())
