"""What a cache line takes that is written or read, in the second-level cache and beyond."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.kernels.ceiling import aligned
from benchmarks.kernels.clock import time_runs

LINE = 64
KILOBYTES, FAR_KILOBYTES = 512, 8192
"""Too much for a first-level cache and little for a second-level one; too much for both."""
_ROUNDS = 8


def second_cache_bytes() -> int | None:
    """Of a core; None where the system does not say."""
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (index / "level").read_text().strip() == "2":
            return 1024 * int((index / "size").read_text().strip().rstrip("K"))
    return None


class Lines:
    """The compiled loops."""

    def __init__(self, library: Path) -> None:
        self._loops = ctypes.CDLL(str(library))
        self._near, self._far = aligned(KILOBYTES * 1024), aligned(FAR_KILOBYTES * 1024)

    def nanoseconds(self) -> dict[str, float]:
        """Of a line: `write` it, `add` to it, `read` it; `read far`: from beyond the second-level cache."""
        loops = self._loops
        near = {"write": loops.write_lines, "add": loops.add_to_lines, "read": loops.read_lines}
        return {name: _time(loop, self._near, loops.vector_bytes()) for name, loop in near.items()} | {
            "read far": _time(loops.read_lines, self._far, loops.vector_bytes())
        }


def _time(loop: Callable[..., None], memory: npt.NDArray[np.float32], vector_bytes: int) -> float:
    vectors, address = ctypes.c_long(memory.nbytes // vector_bytes), ctypes.c_void_p(memory.ctypes.data)
    rounds = max(1, (_ROUNDS * KILOBYTES * 1024) // memory.nbytes)
    loop(ctypes.c_long(1), address, vectors)
    (took,) = time_runs(lambda: loop(ctypes.c_long(rounds), address, vectors), 1, threads=1)
    return round(took * LINE / rounds / memory.nbytes, 4)
