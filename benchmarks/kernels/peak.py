"""The peak of one core in GFLOP/s, measured beside the models: the roof that their speed is a share of."""

import ctypes
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.kernels.clock import time_runs

_SOURCE = Path(__file__).with_name("peak.cpp")
_FLAGS = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
_ROUNDS = 200_000


def build(folder: Path) -> Path:
    """Compile the loop for this CPU with the first compiler there is: g++, clang++ or zig."""
    library = folder / "peak.so"
    subprocess.run([*_compiler(), *_FLAGS, str(_SOURCE), "-o", str(library)], check=True)
    return library


class Peak:
    """The compiled loop; `gflops` times it once, 1 to 2 ms."""

    def __init__(self, library: Path) -> None:
        self._loop = ctypes.CDLL(str(library))
        self._loop.operations.restype = ctypes.c_double
        self._loop.multiply_add.restype = ctypes.c_float
        self._operations = self._loop.operations(ctypes.c_long(_ROUNDS))

    def gflops(self) -> float:
        (nanoseconds,) = time_runs(lambda: self._loop.multiply_add(ctypes.c_long(_ROUNDS)), 1, threads=1)
        return float(self._operations / nanoseconds)

    def gflops_from_memory(self, memory: npt.NDArray[np.float32]) -> float:
        """With one operand of each multiply-add from `memory`, 64-byte aligned, of 16 KB or more."""
        vector = round(self._operations / _ROUNDS / 24)  # floats: 12 accumulators, a multiply and an add each
        rounds, vectors = ctypes.c_long(_ROUNDS), ctypes.c_long(memory.size // vector)
        loop = self._loop.multiply_add_from_memory
        loop.restype = ctypes.c_float
        (nanoseconds,) = time_runs(lambda: loop(rounds, ctypes.c_void_p(memory.ctypes.data), vectors), 1, threads=1)
        return float(self._operations / nanoseconds)


def _compiler() -> list[str]:
    found = next((path for name in ("g++", "clang++") if (path := shutil.which(name))), None)
    if found:
        return [found]
    if importlib.util.find_spec("ziglang") is None:
        sys.exit("the peak is measured with a small C++ program; install g++, clang++ or the package ziglang")
    return [sys.executable, "-m", "ziglang", "c++"]
