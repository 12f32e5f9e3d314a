"""The peak of one core in GFLOP/s, measured beside the models: the roof that their speed is a share of."""

import ctypes
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.kernels.clock import time_runs

_ROUNDS = 200_000
VECTORS = (1, 2, 4, 8, 12, 16)


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

    def gflops_from_nearest(self) -> float:
        """With one operand of each multiply-add from a few KB, read in order: no loop that loads one was faster."""
        loop, operations = self._loop.multiply_add_from_nearest, self._loop.operations_from_nearest
        loop.restype, operations.restype = ctypes.c_float, ctypes.c_double
        rounds = ctypes.c_long(_ROUNDS)
        (nanoseconds,) = time_runs(lambda: loop(rounds), 1, threads=1)
        return float(operations(rounds) / nanoseconds)

    def nanoseconds_of_a_nonzero(self) -> dict[int, float]:
        """By the vectors that it meets: its weight and the place of its inputs are loaded too, all of it is near."""
        loop = self._loop.multiply_add_nonzeros
        loop.restype = ctypes.c_double
        times = {}
        for vectors in VECTORS:
            (took,) = time_runs(lambda vectors=vectors: loop(ctypes.c_long(_ROUNDS), vectors), 1, threads=1)  # type: ignore[misc]
            times[vectors] = round(took / _ROUNDS, 4)
        return times

    def gflops_from_memory(self, memory: npt.NDArray[np.float32]) -> float:
        """With one operand of each multiply-add from `memory`, 64-byte aligned, of 16 KB or more."""
        vector = round(self._operations / _ROUNDS / 24)  # floats: 12 accumulators, a multiply and an add each
        rounds, vectors = ctypes.c_long(_ROUNDS), ctypes.c_long(memory.size // vector)
        loop = self._loop.multiply_add_from_memory
        loop.restype = ctypes.c_float
        (nanoseconds,) = time_runs(lambda: loop(rounds, ctypes.c_void_p(memory.ctypes.data), vectors), 1, threads=1)
        return float(self._operations / nanoseconds)
