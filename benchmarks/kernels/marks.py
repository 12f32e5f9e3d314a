"""The kernels built with marks, and what the marks of a run say: which part of it took how long, on which core.

A build of its own; the product's has none of it (lth_edge/kernels/measure/mark.h).
"""

import ctypes
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import numpy.typing as npt

from tools.build_kernels import BUILT, SOURCES, build, host

HERE = Path(__file__).parent
EVENT = np.dtype([("tick", "u8"), ("what", "i4"), ("details", "i4", (4,)), ("core", "i4")])
Events = npt.NDArray[np.void]
_CALIBRATION_NS, _CALIBRATION_MARKS = 20_000_000, 1000


def build_marked(folder: Path = BUILT / "marked") -> Path:
    """Compile the library with marks, unless it is up to date; for x86-64 alone, as their clock is its rdtscp."""
    if not host().endswith("x86_64"):
        raise SystemExit("marks need an x86-64 machine")
    return build(host(), "zig", folder, defined=["LTH_MARKS"], also=[HERE / "marks.cc"])


@cache
def kinds() -> tuple[str, ...]:
    """What a mark may begin, as lth_edge/kernels/measure/mark.h numbers it."""
    text = (SOURCES / "measure" / "mark.h").read_text()
    body = text[text.index("enum class Mark") :]
    return tuple(re.findall(r"^  (\w+),", body[: body.index("};")], re.MULTILINE))


class Marks:
    """The log of a library with marks; a process has one.

    Args:
        library: from `build_marked`, the one that the sessions have.
    """

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        cores, room = (ctypes.c_uint32 * 2).in_dll(self._library, "lth_mark_room")
        log = (ctypes.c_char * (cores * room * EVENT.itemsize)).in_dll(self._library, "lth_marks")
        self._log = np.frombuffer(log, EVENT).reshape(cores, room)
        self._counts = np.frombuffer((ctypes.c_uint32 * cores).in_dll(self._library, "lth_mark_counts"), np.uint32)
        self.ticks_per_us, self.cost_ticks = self._calibrated()

    def of(self, run: Callable[[], object]) -> Events:
        """The marks of a run on all cores, by time; the first says where it begins, the last where it ends.

        Raises:
            RuntimeError: the log was too short.
        """
        self._counts[:] = 0
        self._library.lth_mark_often(1)
        run()
        self._library.lth_mark_often(1)
        if self._counts.max() > self._log.shape[1]:
            raise RuntimeError(f"a run has {self._counts.max()} marks on a core, the log has room for fewer")
        found = [self._log[core, :count].copy() for core, count in enumerate(self._counts)]
        for core, events in enumerate(found):
            events["core"] = core
        return np.sort(np.concatenate(found), order="tick")

    def _calibrated(self) -> tuple[float, float]:
        """Ticks a microsecond, and what a mark takes."""

        def wait() -> None:
            end = perf_counter_ns() + _CALIBRATION_NS
            while perf_counter_ns() < end:
                pass

        ticks = float(np.ptp(self.of(wait)["tick"]))
        many = self.of(lambda: self._library.lth_mark_often(_CALIBRATION_MARKS))
        return 1000 * ticks / _CALIBRATION_NS, float(np.median(np.diff(many["tick"])))


@dataclass(frozen=True)
class Part:
    """A stretch of a run between two marks.

    Attributes:
        kind: of `kinds()`.
        operator: of the model's operators of ours, from 0; -1 before the first.
        layer: of the operator's chain; -1 outside all.
        us: median over runs, without what the mark itself takes.
        details: of its mark.
    """

    kind: str
    operator: int
    layer: int
    us: float
    details: tuple[int, ...]


def parts(runs: Sequence[Events], marks: Marks) -> list[Part]:
    """The parts of a run on one thread, in order.

    The same run leaves the same marks every time; runs that differ are left out (now and then a layer is cut for more
    threads, to see whether there are any).
    """
    usual, _ = Counter(run["what"].tobytes() for run in runs).most_common(1)[0]
    alike = [run for run in runs if run["what"].tobytes() == usual]
    ticks = np.median([np.diff(run["tick"]) for run in alike], axis=0) - marks.cost_ticks
    names = kinds()
    found: list[Part] = []
    operator = layer = -1
    for event, took in zip(alike[0][:-1], np.maximum(ticks, 0) / marks.ticks_per_us, strict=True):
        kind, details = names[event["what"]], tuple(event["details"].tolist())
        if kind == "operate" and (not found or found[-1].kind == "leave"):
            operator += 1
        layer = details[0] if kind == "layer" else -1 if kind in ("operate", "leave") else layer
        found.append(Part(kind, operator, layer, float(took), details))
    return found
