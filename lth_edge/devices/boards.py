"""Boards that are not at hand, by what is known of them."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lth_edge.errors import RecipeError, nearest

_FILE = Path(__file__).with_name("boards.toml")


@dataclass(frozen=True)
class Board:
    """What a roofline needs to know of one core of a machine.

    Attributes:
        name: for people.
        core: its kind.
        clock_ghz: that it holds.
        multiply_adds: a cycle, at most, of the inner loops: dense, int8, sparse, and vector (sparse, a single one).
        caches: (bytes, GB/s) each, nearest first.
        memory_gb_s: beyond the caches.
        overhead: cycles of code without loops, over those of the calibrated core.
        dense_reach: the share of their loop that onnxruntime's dense kernels reach, over that on the calibrated core.
    """

    name: str
    core: str
    clock_ghz: float
    multiply_adds: Mapping[str, float]
    caches: Sequence[tuple[int, float]]
    memory_gb_s: float
    overhead: float = 1.0
    dense_reach: float = 1.0

    def gb_s(self, size: int) -> float:
        """How fast data of so many bytes are read when they come around again: from the first cache that holds them."""
        return next((rate for held, rate in self.caches if size <= held), self.memory_gb_s)


def board(name: str) -> Board:
    """The board that a name stands for.

    Raises:
        RecipeError: none is called so.
    """
    boards = _boards()
    if name not in boards:
        raise RecipeError(f"there is no board {name!r}", nearest(name, boards))
    return boards[name]


@cache
def _boards() -> Mapping[str, Board]:
    content = tomllib.loads(_FILE.read_text())
    return {
        key: Board(
            name=entry["name"],
            core=entry["core"],
            clock_ghz=entry["clock_ghz"],
            multiply_adds=entry["multiply_adds"],
            caches=[(size, rate) for size, rate in entry["caches"]],
            memory_gb_s=entry["memory_gb_s"],
            overhead=entry["overhead"],
            dense_reach=entry["dense_reach"],
        )
        for key, entry in content.items()
    }
