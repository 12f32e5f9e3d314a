"""Examples: inputs with their targets, in memory or read on demand, and the test set under seal."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from lth_edge.errors import InputError, LthEdgeError, reason

Tensors = tuple[Tensor, ...]


class Examples(Protocol):
    """A set of examples, each with one or more inputs and targets.

    `targets` hold one entry per example; `groups`, where given, say which examples are related (one integer each).
    """

    @property
    def targets(self) -> Tensors: ...

    @property
    def groups(self) -> Tensor | None: ...

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor) -> tuple[Tensors, Tensors]:
        """Raw inputs and targets of some examples, batch first."""

    def subset(self, indices: Tensor) -> "Examples": ...

    def digest(self) -> str:
        """A hash that changes with the content."""


@dataclass(frozen=True)
class TensorExamples:
    """Examples that lie in memory as tensors, batch first."""

    inputs: Tensors
    targets: Tensors
    groups: Tensor | None = None

    def __post_init__(self) -> None:
        tensors = [*self.inputs, *self.targets, *([] if self.groups is None else [self.groups])]
        sizes = [len(tensor) if tensor.ndim else 0 for tensor in tensors]
        if not self.inputs or len(set(sizes)) != 1:
            listed = ", ".join(map(str, sizes))
            raise InputError(f"inputs, targets and groups differ in length: {listed}", "give one of each per example")
        if not sizes[0]:
            raise InputError("the data holds no examples", "give one input and one target per example")

    def __len__(self) -> int:
        return len(self.inputs[0])

    def batch(self, indices: Tensor) -> tuple[Tensors, Tensors]:
        return tuple(x[indices] for x in self.inputs), tuple(y[indices] for y in self.targets)

    def subset(self, indices: Tensor) -> "TensorExamples":
        groups = None if self.groups is None else self.groups[indices]
        return TensorExamples(*self.batch(indices), groups)

    def digest(self) -> str:
        digest = sha256()
        for tensor in (*self.inputs, *self.targets):
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class DatasetExamples:
    """Examples read on demand from a map-style `torch.utils.data.Dataset` of (input(s), target(s)) pairs.

    `order` picks examples of the data set; decoding is spread over threads, where images spend their time.
    """

    dataset: Any
    targets: Tensors
    groups: Tensor | None = None
    order: Tensor = field(default_factory=lambda: torch.arange(0))

    @classmethod
    def over(cls, dataset: Any, targets: Tensors | None = None, groups: Tensor | None = None) -> "DatasetExamples":
        count = len(dataset)
        with _reading():
            found = targets or _as_tuple(default_collate([dataset[i][1] for i in range(count)]))
        return cls(dataset, found, groups, torch.arange(count))

    def __len__(self) -> int:
        return len(self.order)

    def batch(self, indices: Tensor) -> tuple[Tensors, Tensors]:
        with _reading(), ThreadPoolExecutor(4) as pool:
            pairs = list(pool.map(self.dataset.__getitem__, self.order[indices].tolist()))
            inputs, targets = default_collate(pairs)
        return _as_tuple(inputs), _as_tuple(targets)

    def subset(self, indices: Tensor) -> "DatasetExamples":
        targets = tuple(y[indices] for y in self.targets)
        groups = None if self.groups is None else self.groups[indices]
        return DatasetExamples(self.dataset, targets, groups, self.order[indices])

    def digest(self) -> str:
        """Of the classes, and of the files where the data set tells them; what else it holds may be drawn at random."""
        digest = sha256(str(len(self)).encode() + getattr(self.dataset, "files_digest", str)().encode())
        for target in self.targets:
            digest.update(str(target.shape).encode() if target.is_floating_point() else target.numpy().tobytes())
        return digest.hexdigest()


class SealedExamples:
    """The test set: nobody reads it but by `open`, and each opening is counted.

    The count makes the promise checkable that test data informs no decision: one pass, at the end.
    """

    def __init__(self, examples: Examples) -> None:
        self._examples = examples
        self.openings: list[str] = []

    def __len__(self) -> int:
        return len(self._examples)

    def open(self, reason: str) -> Examples:
        self.openings.append(reason)
        return self._examples

    def digest(self) -> str:
        return self._examples.digest()

    def signature(self) -> list[tuple[Any, ...]]:
        """Shapes and types of one example, which say nothing of what is in it."""
        return signature(self._examples)


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set.

    Attributes:
        train: what training sees.
        validation: what decides.
        test: what is reported, read once; `None` where there is none.
        test_origin: "given", "carved" out of the training data before anything else, or "none".
    """

    train: Examples
    validation: Examples
    test: SealedExamples | None
    test_origin: str


def signature(examples: Examples) -> list[tuple[Any, ...]]:
    """Shape and type of each input and target of one example; two parts of a data set must agree in it."""
    inputs, targets = examples.batch(torch.arange(1))
    return [(tuple(x.shape[1:]), x.dtype) for x in (*inputs, *targets)]


def some(examples: Examples, count: int) -> Examples:
    """Up to `count` examples, evenly spaced: data often come sorted by class, and the first would be all of one."""
    picked = torch.linspace(0, len(examples) - 1, min(count, len(examples)), dtype=torch.float64)
    return examples.subset(picked.round().to(torch.int64))


def batches(examples: Examples, size: int) -> Iterator[tuple[Tensors, Tensors]]:
    """All examples in order, `size` at a time."""
    for start in range(0, len(examples), size):
        yield examples.batch(torch.arange(start, min(start + size, len(examples))))


def as_examples(content: Any, groups: Any = None) -> Examples:
    """Take what users have at hand: examples, (inputs, targets[, groups]), a Dataset or a DataLoader.

    Raises:
        InputError: nothing of that kind.
    """
    if isinstance(content, (TensorExamples, DatasetExamples)):
        return content if groups is None else replace(content, groups=group_ids(groups))
    if isinstance(content, torch.utils.data.DataLoader):
        content = content.dataset
    if isinstance(content, tuple) and len(content) in {2, 3}:
        found = content[2] if len(content) == 3 else groups
        return TensorExamples(_tensors(content[0]), _tensors(content[1]), group_ids(found))
    if hasattr(content, "__getitem__") and hasattr(content, "__len__"):
        return DatasetExamples.over(content, groups=group_ids(groups))
    raise InputError(
        f"data of type {type(content).__name__} is not understood",
        "return (inputs, targets), (inputs, targets, groups), a Dataset or a DataLoader for each split",
    )


def group_ids(groups: Any) -> Tensor | None:
    """Groups of any kind (names, subjects) as integers from 0; `None` stays."""
    return None if groups is None else torch.as_tensor(np.unique(np.asarray(groups), return_inverse=True)[1])


def _tensors(content: Any) -> Tensors:
    items: Sequence[Any] = content if isinstance(content, (tuple, list)) else (content,)
    return tuple(torch.as_tensor(item) for item in items)


@contextmanager
def _reading() -> Iterator[None]:
    """The user's data set may raise anything."""
    try:
        yield
    except LthEdgeError:
        raise
    except Exception as error:
        raise InputError(
            f"the data set failed with {type(error).__name__}: {reason(error)}",
            "each item must be a pair (input or inputs, target or targets) of arrays of one shape",
        ) from error


def _as_tuple(content: Any) -> Tensors:
    return tuple(content) if isinstance(content, (tuple, list)) else (content,)
