"""Metrics and losses: what good means for a task, in which units, and how much worse is still good enough."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import metrics as sk
from torch import Tensor
from torch.nn import functional

from lth_edge.errors import InputError, RecipeError, nearest
from lth_edge.tasks.imports import is_own, load_object
from lth_edge.ticket import Array

Loss = Callable[[Any, Any], Tensor]
_FITTING = "choose a --metric that fits the outputs and targets"


@dataclass(frozen=True)
class Metric:
    """A figure of merit over outputs and targets as NumPy arrays, batch first.

    Attributes:
        unit: the unit of its values and of tolerances ("%" counts points).
        higher_is_better: its direction.
        tolerance: the default tolerance; `None` where only the user can know.
    """

    name: str
    function: Callable[[Any, Any], float]
    unit: str = ""
    higher_is_better: bool = True
    tolerance: float | None = None

    def __call__(self, outputs: Any, targets: Any) -> float:
        try:
            value = float(self.function(outputs, targets))
        except Exception as error:  # the user's own may raise anything
            raise InputError(f"{self.name} cannot be computed here: {error}", _FITTING) from error
        if not math.isfinite(value):
            raise InputError(f"{self.name} is {value} here", _FITTING)
        return value

    def loss_against(self, value: float, reference: float) -> float:
        """How much worse `value` is than `reference`, in units of the metric; negative where it is better."""
        return reference - value if self.higher_is_better else value - reference


def predictions(outputs: Array) -> Array:
    """Classes from logits: the largest along axis 1, or the sign where there is one logit."""
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        return (outputs.reshape(len(outputs)) > 0).astype(np.int64)
    return outputs.argmax(axis=1)


def recall_per_class(outputs: Array, targets: Array) -> dict[int, float]:
    """Share of each class's examples that are recognised."""
    flat = targets.ravel()
    right = predictions(outputs).ravel() == flat
    return {int(c): float(right[flat == c].mean()) for c in np.unique(flat)}


def _accuracy(outputs: Array, targets: Array) -> float:
    return 100.0 * float(np.mean(predictions(outputs).ravel() == targets.ravel()))


def _balanced_accuracy(outputs: Array, targets: Array) -> float:
    return 100.0 * float(np.mean(list(recall_per_class(outputs, targets).values())))


def _macro_f1(outputs: Array, targets: Array) -> float:
    return 100.0 * sk.f1_score(targets.ravel(), predictions(outputs).ravel(), average="macro")


def _auc(outputs: Array, targets: Array) -> float:
    if outputs.ndim == 1 or outputs.shape[1] == 1:
        return 100.0 * sk.roc_auc_score(targets, outputs.reshape(len(outputs)))
    shifted = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    scores = shifted / shifted.sum(axis=1, keepdims=True)
    if scores.shape[1] == 2:
        return 100.0 * sk.roc_auc_score(targets, scores[:, 1])
    return 100.0 * sk.roc_auc_score(targets, scores, multi_class="ovr", labels=np.arange(scores.shape[1]))


def _mean_absolute_error(outputs: Array, targets: Array) -> float:
    return float(np.mean(np.abs(outputs.reshape(targets.shape) - targets)))


METRICS = {
    "accuracy": Metric("accuracy", _accuracy, "%", tolerance=1.0),
    "balanced-accuracy": Metric("balanced-accuracy", _balanced_accuracy, "%", tolerance=1.0),
    "macro-f1": Metric("macro-f1", _macro_f1, "%", tolerance=1.0),
    "auc": Metric("auc", _auc, "%", tolerance=1.0),
    "mae": Metric("mae", _mean_absolute_error, "", higher_is_better=False),
}
CLASSIFYING = {"accuracy", "balanced-accuracy", "macro-f1", "auc"}


def load_metric(name: str, direction: str | None) -> Metric:
    """A built-in metric, or the user's own with its direction."""
    if is_own(name):
        if direction is None:
            raise RecipeError(f"the metric {name} has no direction", "add --metric-direction higher or lower")
        return Metric(name, load_object(name), higher_is_better=direction == "higher")
    if name not in METRICS:
        raise RecipeError(f"unknown metric {name!r}", nearest(name, METRICS))
    return METRICS[name]


def _bce(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(outputs.reshape(targets.shape), targets.to(outputs.dtype))


def _mse(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.mse_loss(outputs.reshape(targets.shape), targets.to(outputs.dtype))


def _l1(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.l1_loss(outputs.reshape(targets.shape), targets.to(outputs.dtype))


LOSSES: dict[str, Loss] = {"cross-entropy": functional.cross_entropy, "bce": _bce, "mse": _mse, "l1": _l1}


def load_loss(name: str | None, targets: Tensor) -> tuple[str, Loss]:
    """The named loss; by default cross-entropy for integer targets and mean squared error for others."""
    if name is None:
        name = "mse" if targets.is_floating_point() else "cross-entropy"
    if is_own(name):
        return name, load_object(name)
    if name not in LOSSES:
        raise RecipeError(f"unknown loss {name!r}", nearest(name, LOSSES))
    return name, LOSSES[name]
