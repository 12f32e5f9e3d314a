"""Two files on the same random inputs: do they compute the same?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lth_edge.runtime.session import session
from lth_edge.ticket import Array

_FREE_SIZES = (32, 224, 8, 1)
"""Tried for axes of free size in turn: a network may need room for its strides, or a fixed number after flattening."""
_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(bool)": np.bool_,
}


@dataclass(frozen=True)
class Agreement:
    """How far apart two files are.

    Attributes:
        error: largest difference, as a share of the largest number of the output it is in.
        inputs: shapes of the random inputs.
    """

    error: float
    inputs: tuple[tuple[int, ...], ...]


def agreement(first: Path, second: Path) -> Agreement | None:
    """Run two files on random inputs as they say; `None` where no inputs could be guessed that the first one takes.

    Raises:
        InputError, DamagedError: onnxruntime cannot load one of them.
    """
    one, other = session(first, optimise=False), session(second, optimise=False)
    feed = guess_feed(one)
    if feed is None:
        return None
    expected, found = one.run(None, feed), other.run(None, feed)
    error = max((distance(a, b) for a, b in zip(expected, found, strict=True)), default=0.0)
    return Agreement(error, tuple(array.shape for array in feed.values()))


def guess_feed(running: Any) -> dict[str, Array] | None:
    """Random inputs of one example that a session takes; `None` where none could be guessed."""
    return next((feed for feed in _feeds(running.get_inputs()) if _takes(running, feed)), None)


def distance(expected: Any, found: Any) -> float:
    """Largest difference over the largest number; infinite where only one of two is a finite number.

    Only floating-point arrays are compared: a whole number is a choice that rounding may flip.
    """
    if not isinstance(expected, np.ndarray) or expected.dtype.kind != "f":
        return 0.0
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], found[~finite], equal_nan=True) or not np.isfinite(found[finite]).all():
        return float("inf")
    if not finite.any():
        return 0.0
    largest = float(np.abs(expected[finite]).max()) or 1.0
    return float(np.abs(expected[finite].astype(np.float64) - found[finite]).max()) / largest


def _feeds(inputs: Sequence[Any]) -> Iterator[dict[str, Array]]:
    """Random inputs, for each guess of what sizes are free: one example, and as many of everything else."""
    if not all(given.type in _TYPES for given in inputs):
        return
    for size in _FREE_SIZES:
        rng = np.random.default_rng(0)
        yield {given.name: _random(rng, _shape(given.shape, size), _TYPES[given.type]) for given in inputs}


def _shape(given: Sequence[Any], size: int) -> tuple[int, ...]:
    free = [1 if axis == 0 else size for axis in range(len(given))]
    return tuple(known if isinstance(known, int) else guess for known, guess in zip(given, free, strict=True))


def _random(rng: np.random.Generator, shape: tuple[int, ...], kind: Any) -> Array:
    if np.dtype(kind).kind == "f":
        return rng.standard_normal(shape).astype(kind)
    return rng.integers(0, 2, shape).astype(kind)


def _takes(running: Any, feed: dict[str, Array]) -> bool:
    try:
        running.run(None, feed)
    # onnxruntime's exceptions share no base class of their own; a guess that does not fit is no error.
    except Exception:
        return False
    return True
