"""What a cache line takes that is written, or read and written, while the second-level cache holds it."""

import ctypes
from collections.abc import Callable
from pathlib import Path

from benchmarks.kernels.ceiling import aligned
from benchmarks.kernels.clock import time_runs

LINE = 64
KILOBYTES = 512
"""Too much for a first-level cache, little for a second-level one."""
_ROUNDS = 8


def cache_sizes() -> list[int]:
    """Bytes of the data caches, nearest first; of a large server's last one, what a core may have for itself."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (index / "type").read_text().strip() != "Instruction":
            found.append(int((index / "size").read_text().strip().rstrip("K")) * 1024)
    return [min(size, 1 << 26) for size in found]


class Lines:
    """The compiled loops."""

    def __init__(self, library: Path) -> None:
        self._loops = ctypes.CDLL(str(library))
        self._memory = aligned(KILOBYTES * 1024)

    def nanoseconds(self) -> dict[str, float]:
        """Of a line, by what is done to it: `write`, or `add`, which reads it too."""
        return {"write": self._time(self._loops.write_lines), "add": self._time(self._loops.add_to_lines)}

    def _time(self, loop: Callable[..., None]) -> float:
        vectors = ctypes.c_long(self._memory.nbytes // self._loops.vector_bytes())
        address = ctypes.c_void_p(self._memory.ctypes.data)
        loop(ctypes.c_long(1), address, vectors)
        (took,) = time_runs(lambda: loop(ctypes.c_long(_ROUNDS), address, vectors), 1, threads=1)
        return round(took * LINE / _ROUNDS / self._memory.nbytes, 4)
