"""Times models of the same inputs against each other, in rounds: whatever else the machine does hits all of them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import Any

import numpy as np
import onnx

from lth_edge.runtime.session import session
from lth_edge.ticket import Array

_TURN_NS = 3e6
_MOST_RUNS = 50


@dataclass(frozen=True)
class Course:
    """What is run.

    Attributes:
        inputs: shapes of x0, x1, ...
        output: shape of y.
    """

    inputs: Sequence[tuple[int, ...]]
    output: tuple[int, ...]


def race(models: Sequence[onnx.ModelProto], course: Course, rounds: int, openings: int = 1) -> list[float]:
    """Time of each model, one thread, as a share of the first one's: the median over rounds.

    Seven sessions of one small layer differed by up to 7 % for as long as they lived. So all models are opened anew, in
    another order, `openings` times, and the largest share counts: what is faster in each of them.
    """
    order, rng = random.Random(0), np.random.default_rng(0)
    feed = [rng.standard_normal(shape, np.float32) for shape in course.inputs]
    shares = []
    for _ in range(openings):
        turns = _turns(models, order.sample(range(len(models)), len(models)), feed, course.output, rounds)
        shares.append([median(turn[i] / turn[0] for turn in turns) for i in range(len(models))])
    return [max(share) for share in zip(*shares, strict=True)]


def _turns(
    models: Sequence[onnx.ModelProto], order: Sequence[int], feed: Sequence[Array], output: tuple[int, ...], rounds: int
) -> list[dict[int, float]]:
    """Nanoseconds by model, for each round; opened and run in the order given."""
    with TemporaryDirectory(prefix="lth-edge-tune-") as folder:
        runners = {i: _Runner(models[i], feed, output, Path(folder) / "model.onnx") for i in order}
    runs = int(min(_MOST_RUNS, max(1.0, _TURN_NS / runners[0].time(3))))
    return [{i: runner.time(runs) for i, runner in runners.items()} for _ in range(rounds)]


class _Runner:
    """A session whose inputs and output are bound to memory once."""

    def __init__(self, model: onnx.ModelProto, feed: Sequence[Array], output: tuple[int, ...], path: Path) -> None:
        path.write_bytes(model.SerializeToString())
        self._session: Any = session(path)
        self._held = [*feed, np.empty(output, np.float32)]  # onnxruntime holds addresses alone
        self._binding = self._session.io_binding()
        for i, array in enumerate(feed):
            self._binding.bind_input(f"x{i}", "cpu", 0, np.float32, array.shape, array.ctypes.data)
        self._binding.bind_output("y", "cpu", 0, np.float32, output, self._held[-1].ctypes.data)

    def time(self, runs: int) -> float:
        """Nanoseconds of a run, the median, after one that brings its data back into the caches."""
        times = []
        for _ in range(1 + runs):
            start = perf_counter_ns()
            self._session.run_with_iobinding(self._binding)
            times.append(perf_counter_ns() - start)
        return median(times[1:])
