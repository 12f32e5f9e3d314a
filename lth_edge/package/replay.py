"""The test vector: recorded inputs and outputs, replayed to prove that a file still computes what it did."""

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lth_edge.arrays import Array
from lth_edge.errors import DamagedError, InputError, LthEdgeError
from lth_edge.package.fields import MEND
from lth_edge.package.manifest import DTYPE, Tensor
from lth_edge.runtime.session import session

# A vector is a handful of examples; more than this is a bomb.
_LARGEST_VECTOR = 1 << 30

_TOLERANCE = 1e-4
_QUANTISED_TOLERANCE = 0.05

_DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}


@dataclass(frozen=True)
class Vector:
    """Inputs and what they gave: tensor name -> array, in the model's order."""

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]

    def save(self, path: Path) -> None:
        """Write a npz file; the same vector gives the same bytes."""
        arrays: dict[str, Any] = {**_numbered("input", self.inputs), **_numbered("output", self.outputs)}
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> "Vector":
        """Read the arrays of these tensors back.

        Raises:
            DamagedError: unreadable, pickled, too large, or an array missing.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > _LARGEST_VECTOR:
                raise DamagedError(f"{path.name} unpacks to {size} bytes, too many for a test vector", MEND)
            with np.load(path, allow_pickle=False) as arrays:
                return cls(_named(arrays, "input", inputs), _named(arrays, "output", outputs))
        except LthEdgeError:
            raise
        except Exception as error:  # hostile bytes make numpy and zipfile raise nearly anything
            raise DamagedError(f"{path.name} is not a readable test vector: {error!a}", MEND) from error


def tolerance_of(form: str) -> float:
    """How far replayed outputs may be off on any processor, as a share of the largest output.

    Other processors sum in another order. int8 rounds, and a rounding step of an activation is a coarse one.
    """
    return _QUANTISED_TOLERANCE if form == "int8" else _TOLERANCE


def tensors(model: Path) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs and outputs of an ONNX file; axes without a fixed length come as `None`.

    Raises:
        InputError: the model cannot be loaded, or takes or gives what is no plain numeric tensor.
    """
    opened = session(model)
    return tuple(map(_tensor, opened.get_inputs())), tuple(map(_tensor, opened.get_outputs()))


def replay_error(model: Path, vector: Vector) -> float:
    """Largest difference between a replay and the recorded outputs, as a share of the largest recorded.

    The share is taken per output; infinite where shapes or types differ or anything is not finite.

    Raises:
        DamagedError: the model cannot be loaded or run on the vector's inputs.
        InputError: the model needs what this onnxruntime lacks.
    """
    opened = session(model)
    try:
        got = opened.run(list(vector.outputs), dict(vector.inputs))
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        raise DamagedError(f"{model.name} does not run on the test vector: {error!a}", MEND) from error
    return max(relative_error(g, e) for g, e in zip(got, vector.outputs.values(), strict=True))


def relative_error(got: Array, expected: Array) -> float:
    """Largest difference as a share of the largest expected; infinite where shapes or types differ."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return float("inf")
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    if not (np.isfinite(got).all() and np.isfinite(expected).all()):
        return float("inf")
    difference = float(np.abs(got - expected).max(initial=0.0))
    return difference / (float(np.abs(expected).max(initial=0.0)) or 1.0)


def _numbered(kind: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{kind}_{index}": array for index, array in enumerate(arrays.values())}


def _named(arrays: Mapping[str, Array], kind: str, wanted: Sequence[Tensor]) -> dict[str, Array]:
    found = {tensor.name: arrays[f"{kind}_{index}"] for index, tensor in enumerate(wanted)}
    for name, array in found.items():
        if not isinstance(array, np.ndarray):
            raise DamagedError(f"the test vector of {name!r} is no array", MEND)
    return found


def _tensor(argument: Any) -> Tensor:
    name, kind, shape = argument.name, argument.type, argument.shape
    dtype = _DTYPES.get(kind, kind.removeprefix("tensor(").removesuffix(")"))
    if re.fullmatch(DTYPE, dtype) is None:
        raise InputError(f"{name!r} of the model is {kind}, no plain numeric tensor", "a package holds numeric tensors")
    return Tensor(name, dtype, tuple(axis if isinstance(axis, int) else None for axis in shape))
