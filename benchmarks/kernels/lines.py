"""What a cache line takes that is written, or read and written, by the cache that holds it."""

import ctypes
from collections.abc import Callable
from pathlib import Path

from benchmarks.kernels.ceiling import aligned
from benchmarks.kernels.clock import time_runs

LINE = 64
KILOBYTES = {"L1": 16, "L2": 512, "farther": 8192}
"""Well inside the caches of a core with AVX-512, and well outside."""
_MOVED = 4 << 20
"""Bytes a measurement moves at least."""


class Lines:
    """The compiled loops."""

    def __init__(self, library: Path) -> None:
        self._loops = ctypes.CDLL(str(library))
        self._memory = {name: aligned(size * 1024) for name, size in KILOBYTES.items()}

    def nanoseconds(self) -> dict[str, dict[str, float]]:
        """Of a line: what is done -> the cache -> nanoseconds."""
        done = {"write": self._loops.write_lines, "add": self._loops.add_to_lines}
        return {name: {cache: self._time(loop, cache) for cache in self._memory} for name, loop in done.items()}

    def _time(self, loop: Callable[..., None], cache: str) -> float:
        memory = self._memory[cache]
        rounds = max(1, _MOVED // memory.nbytes)
        vectors = ctypes.c_long(memory.nbytes // self._loops.vector_bytes())
        address = ctypes.c_void_p(memory.ctypes.data)
        loop(ctypes.c_long(1), address, vectors)
        (took,) = time_runs(lambda: loop(ctypes.c_long(rounds), address, vectors), 1, threads=1)
        return round(took * LINE / rounds / memory.nbytes, 4)
