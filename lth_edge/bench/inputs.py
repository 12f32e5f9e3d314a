"""Inputs on their way to a worker: arrays in an .npz file, their names beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lth_edge.errors import InputError

Feed = Mapping[str, npt.NDArray[Any]]


def save_feed(path: Path, feed: Feed) -> dict[str, Any]:
    """Write the inputs of one run.

    The names travel apart because an input may be called `file`, as numpy's own first argument is.

    Returns:
        what `load_feed` takes; it fits into JSON.

    Raises:
        InputError: an input holds Python objects, which would have to be pickled.
    """
    for name, array in feed.items():
        if array.dtype.hasobject:
            raise InputError(f"the input {name!r} holds Python objects", "give arrays of numbers")
    np.savez(path, *feed.values())
    return {"file": str(path), "names": list(feed)}


def load_feed(saved: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    with np.load(saved["file"], allow_pickle=False) as arrays:
        return {name: arrays[f"arr_{place}"] for place, name in enumerate(saved["names"])}
