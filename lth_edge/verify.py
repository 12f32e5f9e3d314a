"""The proof: a file computes what PyTorch computes, on real inputs; and what a file is worth on a set of examples."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from lth_edge.errors import ProofError
from lth_edge.runtime.session import session
from lth_edge.tasks.examples import Examples, batches, some
from lth_edge.tasks.metrics import predictions
from lth_edge.tasks.task import Task, bare
from lth_edge.ticket import Array

LIMIT = 1e-5
"""Largest difference allowed, as a share of the largest output."""
SLACK = 8.0
"""Where rounding alone exceeds `LIMIT`, the file may be this many times as far from float64 as PyTorch is."""
BATCH = 128


@dataclass(frozen=True)
class Proof:
    """One file against PyTorch.

    Attributes:
        max_error: largest difference over the largest output.
        limit: what was allowed.
        flips: predictions that differ, all of them ties within the limit.
        examples: how many inputs were compared.
    """

    form: str
    max_error: float
    limit: float
    flips: int
    examples: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def prove(form: str, path: Path, task: Task, network: nn.Module, examples: Examples, count: int = 256) -> Proof:
    """Compare a file with the network it was exported from, on `count` real inputs.

    Raises:
        ProofError: an output differs by more than the limit, or a prediction flips that is no tie.
    """
    compared = some(examples, count)
    expected, found = torch_outputs(task, network, compared), file_outputs(path, task, compared)
    scale = _scale(expected)
    error = _distance(expected, found) / scale
    limit = LIMIT if error <= LIMIT else _rounding_limit(task, network, compared, expected, scale)
    proof = _proof(form, task, expected, found, limit, len(compared))
    if not error <= limit:
        raise ProofError(
            f"{path.name} differs from PyTorch by {error:.2e} of the largest output; {limit:.0e} is allowed",
            "an operator of the network is exported wrongly; see which with `lth-edge inspect`",
        )
    return proof


def prove_rounded(
    form: str, path: Path, reference: Path, task: Task, examples: Examples, limit: float, count: int = 256
) -> Proof:
    """Compare a file whose weights were rounded with the dense file of the same rounded weights.

    Args:
        limit: what the file of the unrounded weights was allowed against PyTorch.

    Raises:
        ProofError: as `prove`.
    """
    compared = some(examples, count)
    expected, found = file_outputs(reference, task, compared), file_outputs(path, task, compared)
    proof = _proof(form, task, expected, found, limit, len(compared))
    if not proof.max_error <= limit:
        raise ProofError(
            f"{path.name} differs by {proof.max_error:.2e} of the largest output from what it stores; "
            f"{limit:.0e} is allowed",
            "store the values as fp32",
        )
    return proof


def _proof(form: str, task: Task, expected: list[Array], found: list[Array], limit: float, examples: int) -> Proof:
    scale = _scale(expected)
    flips = _flips(task, expected[0], found[0], limit * scale)
    return Proof(form, _distance(expected, found) / scale, limit, flips, examples)


def _scale(outputs: list[Array]) -> float:
    """The largest number of all outputs."""
    return max(float(np.abs(array).max()) for array in outputs) or 1.0


def torch_outputs(task: Task, network: nn.Module, examples: Examples, double: bool = False) -> list[Array]:
    """What the network gives behind its pre-processing, one array per output, batch first."""
    deployed = task.deployed(network).to("cpu").eval()
    kind = torch.float64 if double else torch.float32
    deployed.to(kind)
    parts = []
    try:
        with torch.no_grad():
            for inputs, _ in batches(examples, BATCH):
                outputs = deployed(*(x.to(kind) if x.is_floating_point() else x for x in inputs))
                parts.append([t.numpy() for t in (outputs if isinstance(outputs, (tuple, list)) else (outputs,))])
    finally:
        deployed.to(torch.float32)
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def file_outputs(path: Path, task: Task, examples: Examples) -> list[Array]:
    """What a file gives for the same raw inputs."""
    running = session(path)
    parts = [running.run(None, task.feed(inputs)) for inputs, _ in batches(examples, BATCH)]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def targets_of(examples: Examples) -> Any:
    """Targets as arrays; a single one comes bare."""
    return bare([target.numpy() for target in examples.targets])


def flipped(task: Task, dense: Array, other: Array, targets: Array) -> Mapping[str, int] | None:
    """Predictions that turned right (gained) or wrong (lost) against dense; `None` where there are no classes."""
    if not task.classifies:
        return None
    truth = targets.ravel()
    before, after = predictions(dense).ravel() == truth, predictions(other).ravel() == truth
    return {"gained": int(np.count_nonzero(after & ~before)), "lost": int(np.count_nonzero(before & ~after))}


def _rounding_limit(task: Task, network: nn.Module, examples: Examples, expected: list[Array], scale: float) -> float:
    """What rounding accounts for in a deep network: PyTorch's own distance from float64, with some slack."""
    try:
        exact = torch_outputs(task, network, examples, double=True)
    except RuntimeError:  # a network that makes float32 tensors of its own has no float64 reference
        return LIMIT
    return max(LIMIT, SLACK * _distance(expected, exact) / scale)


def _distance(expected: list[Array], found: list[Array]) -> float:
    """The largest difference over all outputs; NaN where any is, which is within no limit."""
    return float(np.max([np.abs(a - b).max() for a, b in zip(expected, found, strict=True)]))


def _flips(task: Task, expected: Array, found: Array, distance: float) -> int:
    """Count predictions that differ, and refuse those whose two best were further apart than `distance`."""
    if not task.classifies:
        return 0
    differ = predictions(expected) != predictions(found)
    if expected.ndim > 1 and expected.shape[1] > 1:
        best = np.sort(expected, axis=1)
        gap = best[:, -1] - best[:, -2]
    else:
        gap = np.abs(expected.reshape(differ.shape))
    if np.any(differ & (gap > 2 * distance)):
        raise ProofError(
            f"{int(np.count_nonzero(differ))} predictions of the file differ from PyTorch's and are no ties",
            "an operator of the network is exported wrongly",
        )
    return int(np.count_nonzero(differ))
