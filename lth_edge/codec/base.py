"""The earlier file that an update builds on: what it tells of a matrix before its first byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from lth_edge.codec.coded_matrix import CodedMatrix
from lth_edge.codec.numbers import DTYPES, NumberForm
from lth_edge.codec.symbols import Earlier
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.ticket import Array

Map = npt.NDArray[np.int64]
"""Of each unit now, which one it was: whole numbers, none twice."""

DIGEST_BYTES = 8


def digest_of(content: bytes) -> bytes:
    """What names a base: the first bytes of the SHA-256 of its file."""
    return sha256(content).digest()[:DIGEST_BYTES]


@dataclass(frozen=True)
class Origin:
    """Where a matrix comes from.

    Attributes:
        matrix: its number in the base.
        rows, columns: how its units and inputs have moved; `None` where they have not. A map of columns may be that of
            the units whose outputs they are: each moves so many columns as it feeds.
    """

    matrix: int
    rows: Map | None = None
    columns: Map | None = None


@dataclass(frozen=True)
class Base:
    """An earlier file.

    Attributes:
        name: of the file.
        digest: see `digest_of`.
        matrices: in its order.
        text: all that is no matrix, in its order.
    """

    name: str
    digest: bytes
    matrices: Sequence[CodedMatrix]
    text: bytes

    def earlier(self, origin: Origin, rows: int, columns: int, form: NumberForm) -> Earlier | None:
        """What a matrix of this shape and form was; `None` where it cannot have been that."""
        held = self.matrices[origin.matrix].csr
        if held.data.dtype != DTYPES[form.dtype]:
            return None
        moved = move(held, origin, rows, columns)
        return None if moved is None else moved.told_in(form)


@dataclass(frozen=True)
class Moved:
    """A matrix of the base in the rows and columns of a new one: `places` in it when flattened, rising, and numbers."""

    rows: int
    columns: int
    places: npt.NDArray[np.int64]
    numbers: Array

    @cached_property
    def full(self) -> bool:
        return self.places.size == self.rows * self.columns

    def told_in(self, form: NumberForm) -> Earlier:
        counts = np.bincount(self.places // self.columns, minlength=self.rows).astype(np.uint32)
        indices = np.zeros(0, np.uint32) if self.full else (self.places % self.columns).astype(np.uint32)
        return Earlier(counts, indices, form.nearest(self.numbers))


def move(held: CsrMatrix, origin: Origin, rows: int, columns: int) -> Moved | None:
    """The matrix as its rows and columns lie now; what was in none of them is left out."""
    to_row = _targets(origin.rows, rows, held.shape[0])
    to_column = _targets(origin.columns, columns, held.shape[1])
    if to_row is None or to_column is None:
        return None
    row = to_row[held.positions() // held.shape[1]]
    column = to_column[held.indices]
    there = (row >= 0) & (column >= 0)
    places = row[there] * columns + column[there]
    order = np.argsort(places)
    return Moved(rows, columns, places[order], held.data[there][order])


def _targets(moved: Map | None, now: int, before: int) -> Map | None:
    """Of each of `before` places, which one it is now, -1 where it is gone; `None` where the map does not fit."""
    if moved is None:
        return np.arange(now) if now == before else None
    if moved.size == 0 or now % moved.size != 0:
        return None
    span = now // moved.size
    if (int(moved.max()) + 1) * span > before:
        return None
    targets = np.full(before, -1, np.int64)
    targets[(moved[:, None] * span + np.arange(span)).ravel()] = np.arange(now)
    return targets
