"""Compressed sparse rows: the kept weights of a layer, and nothing else.

A file of CSR matrices is safetensors. A matrix NAME is three tensors: NAME.indptr, NAME.indices, NAME.data.
One metadata entry, `csr`, holds JSON: `{"version": 1, "layers": {NAME: {"matrix": [...], "tensor": [...]}}}`,
where `tensor` is the shape of the layer's weight before it was flattened to a matrix.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy.sparse import csr_array

from lth_edge.errors import DamagedError, InputError
from lth_edge.files import whole_file
from lth_edge.ticket import Array, Weights

_VERSION = 1
_MEND = "copy it again or make it anew"
_PARTS = ("indptr", "indices", "data")


@dataclass(frozen=True, eq=False)
class CsrMatrix:
    """A matrix of kept weights in scipy's words; a kept weight may be zero.

    Attributes:
        shape: rows (a layer's units) and columns (its inputs, times kernel positions for a convolution).
        indptr: [rows + 1], int32, or int64 from 2^31 kept weights on; row `r` is `indptr[r]:indptr[r + 1]`.
        indices: [nnz], columns, strictly ascending within a row; uint16 up to 65536 columns, else uint32.
        data: [nnz], the weights.

    Raises:
        DamagedError: the parts contradict each other.
    """

    shape: tuple[int, int]
    indptr: Array
    indices: Array
    data: Array

    def __post_init__(self) -> None:
        _require(len(self.shape) == 2 and min(self.shape) >= 0, "its shape is not rows and columns")
        _require(
            all(array.ndim == 1 for array in (self.indptr, self.indices, self.data)),
            "its parts are not vectors",
        )
        self._check_dtypes()
        self._check_indptr()
        self._check_indices()

    @classmethod
    def from_mask(cls, weight: Array, mask: Array) -> "CsrMatrix":
        """Store what the mask keeps, zeros included; the weights' values decide nothing.

        Args:
            weight: [out, ...]; more than two axes are flattened to [out, rest].
            mask: boolean, the weight's shape; true where a weight is kept.

        Raises:
            InputError: the shapes differ, the weight has no axis, or the mask is not boolean.
        """
        if weight.ndim == 0 or weight.shape != mask.shape or mask.dtype != np.bool_:
            raise InputError(
                f"a mask of {mask.dtype} {mask.shape} does not fit a weight of shape {weight.shape}",
                "give one boolean per weight",
            )
        rows, columns = weight.shape[0], math.prod(weight.shape[1:])
        kept = mask.reshape(rows, columns)
        row_of, column_of = np.nonzero(kept)
        counts = np.bincount(row_of, minlength=rows)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(_indptr_dtype(row_of.size))
        return cls(
            (rows, columns),
            indptr,
            column_of.astype(_index_dtype(columns)),
            weight.reshape(rows, columns)[kept],
        )

    @property
    def nnz(self) -> int:
        """Stored weights, explicit zeros among them."""
        return int(self.data.size)

    @property
    def nbytes(self) -> int:
        """Bytes of indptr, indices and data together."""
        return int(self.indptr.nbytes + self.indices.nbytes + self.data.nbytes)

    def positions(self) -> npt.NDArray[np.int64]:
        """[nnz], ascending: where each stored weight lies in the flattened dense matrix."""
        rows = np.repeat(np.arange(self.shape[0], dtype=np.int64), np.diff(self.indptr))
        return rows * self.shape[1] + self.indices

    def to_dense(self) -> Array:
        """[rows, columns], +0.0 where nothing is stored."""
        dense = np.zeros(math.prod(self.shape), self.data.dtype)
        dense[self.positions()] = self.data
        return dense.reshape(self.shape)

    def to_scipy(self) -> Any:
        """The same matrix as `scipy.sparse.csr_array`, whose indices are signed."""
        signed = self.indptr.dtype if self.shape[1] <= np.iinfo(np.int32).max else np.dtype(np.int64)
        return csr_array((self.data, self.indices.astype(signed), self.indptr.astype(signed)), shape=self.shape)

    def _check_dtypes(self) -> None:
        _require(self.indptr.dtype == _indptr_dtype(self.nnz), f"its indptr is {self.indptr.dtype}")
        _require(self.indices.dtype == _index_dtype(self.shape[1]), f"its indices are {self.indices.dtype}")
        _require(self.data.dtype.kind in "fiu", f"its data is {self.data.dtype}")

    def _check_indptr(self) -> None:
        _require(self.indptr.size == self.shape[0] + 1, "its indptr does not have one entry per row and one more")
        _require(self.indptr[0] == 0, "its indptr does not start at 0")
        _require(bool(np.all(self.indptr[1:] >= self.indptr[:-1])), "its indptr falls")
        _require(self.indptr[-1] == self.nnz, "its indptr does not end at the number of weights")

    def _check_indices(self) -> None:
        _require(self.indices.size == self.nnz, "it has not one column per weight")
        _require(self.nnz == 0 or int(self.indices.max()) < self.shape[1], "a column lies outside the matrix")
        _require(bool(np.all(np.diff(self.positions()) > 0)), "columns do not ascend within a row")


def save_csr(path: Path, matrices: Mapping[str, tuple[CsrMatrix, tuple[int, ...]]]) -> None:
    """Write matrices, each with the shape of the tensor it flattens, whole or not at all.

    Args:
        path: the safetensors file to write.
        matrices: layer name -> matrix and the tensor's own shape.
    """
    tensors = {f"{name}.{part}": getattr(matrix, part) for name, (matrix, _) in matrices.items() for part in _PARTS}
    layers = {name: {"matrix": list(matrix.shape), "tensor": list(shape)} for name, (matrix, shape) in matrices.items()}
    contents = json.dumps({"version": _VERSION, "layers": layers}, sort_keys=True)
    with whole_file(path) as temporary:
        save_file(tensors, temporary, metadata={"csr": contents})


def load_csr(path: Path) -> dict[str, tuple[CsrMatrix, tuple[int, ...]]]:
    """Read what `save_csr` wrote: layer name -> matrix and the tensor's own shape.

    Raises:
        DamagedError: missing, truncated, not safetensors, or not valid CSR.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            contents = (file.metadata() or {}).get("csr", "")
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  not a dict
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing", _MEND) from error
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path} is damaged: {error}", _MEND) from error
    layers = _layers(path, contents)
    if set(tensors) != {f"{name}.{part}" for name in layers for part in _PARTS}:
        raise DamagedError(f"{path} does not hold the tensors that its metadata names", _MEND)
    return {name: _read_layer(path, name, facts, tensors) for name, facts in layers.items()}


def _layers(path: Path, contents: str) -> dict[str, Any]:
    try:
        parsed = json.loads(contents)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} has no readable CSR metadata", _MEND) from error
    if not isinstance(parsed, dict) or parsed.get("version") != _VERSION or not isinstance(parsed.get("layers"), dict):
        raise DamagedError(f"{path} is not a CSR file of version {_VERSION}", "read it with the lth-edge that wrote it")
    layers: dict[str, Any] = parsed["layers"]
    return layers


def _read_layer(path: Path, name: str, facts: Any, tensors: Weights) -> tuple[CsrMatrix, tuple[int, ...]]:
    if not isinstance(facts, dict) or not all(_is_shape(facts.get(key)) for key in ("matrix", "tensor")):
        raise DamagedError(f"{path}: {name!r} has no valid shapes", _MEND)
    matrix, tensor = tuple(facts["matrix"]), tuple(facts["tensor"])
    if len(matrix) != 2 or not tensor or matrix != (tensor[0], math.prod(tensor[1:])):
        raise DamagedError(f"{path}: {name!r} is a matrix {matrix} that does not flatten a tensor {tensor}", _MEND)
    try:
        return CsrMatrix(matrix, *(tensors[f"{name}.{part}"] for part in _PARTS)), tensor
    except DamagedError as error:
        raise DamagedError(f"{path}: {name!r}: {error.message}", _MEND) from error


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)


def _indptr_dtype(nnz: int) -> np.dtype[Any]:
    return np.dtype(np.int32 if nnz < 2**31 else np.int64)


def _index_dtype(columns: int) -> np.dtype[Any]:
    return np.dtype(np.uint16 if columns <= 2**16 else np.uint32)


def _require(holds: bool, wrong: str) -> None:
    if not holds:
        raise DamagedError(f"not a valid CSR matrix: {wrong}", "build it from a weight and its mask")
