"""In how few bits a ticket's values are stored, and what that costs beside pruning: on validation data alone."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lth_edge.convert.model_file import save_model
from lth_edge.convert.round_values import round_values
from lth_edge.convert.sparse_node import Values as SparseValues
from lth_edge.convert.standard import to_standard
from lth_edge.export.onnx_export import Exported
from lth_edge.recipe import StoreRecipe
from lth_edge.sparse.quantize import SMALLEST_FIRST, Values
from lth_edge.tasks.task import Task, bare
from lth_edge.verify import file_outputs, targets_of


@dataclass(frozen=True)
class Trial:
    """The ticket with its values stored in one way.

    Attributes:
        bytes: of the standard file.
        metric: on validation data.
        loss: against the ticket with fp32 values, in units of the metric; negative where it is better.
    """

    values: Values
    bytes: int
    metric: float
    loss: float


@dataclass(frozen=True)
class Storage:
    """How values are stored, and why.

    Attributes:
        asked: what the recipe says.
        limit: the loss allowed to `auto`.
        trials: what was tried, in order; the last one was chosen.
    """

    asked: str
    limit: float
    trials: tuple[Trial, ...]

    @property
    def values(self) -> Values:
        return self.trials[-1].values

    def to_dict(self) -> dict[str, Any]:
        return {"values": self.values, **asdict(self)}


def choose_storage(task: Task, ticket: Exported, recipe: StoreRecipe, folder: Path) -> Storage:
    """Store values as asked; `auto` takes the fewest bits whose loss is within the recipe's limit.

    Args:
        ticket: with fp32 values.
        folder: for a file while it is tried.
    """
    exact = _metric(task, ticket, "fp32", folder)
    asked = SMALLEST_FIRST if recipe.store == "auto" else (recipe.store,)
    trials = []
    for trial in _trials(task, ticket, asked, exact, folder):
        trials.append(trial)
        if trial.loss <= recipe.storage_loss:
            break
    return Storage(recipe.store, recipe.storage_loss, tuple(trials))


def rounded(ticket: Exported, values: Values) -> Exported:
    """The ticket with rounded values."""
    return Exported(round_values(ticket.model, ticket.masks, values), ticket.masks)


def sparse_values(values: Values) -> SparseValues:
    """In what our operators hold them without loss: a codebook's numbers are float16."""
    if values.startswith("codebook"):
        return "fp16"
    return "int8" if values == "int8" else "fp16" if values == "fp16" else "fp32"


def _trials(
    task: Task, ticket: Exported, asked: tuple[Values, ...], exact: tuple[int, float], folder: Path
) -> Iterator[Trial]:
    for values in asked:
        size, metric = exact if values == "fp32" else _metric(task, ticket, values, folder)
        yield Trial(values, size, metric, task.metric.loss_against(metric, exact[1]))


def _metric(task: Task, ticket: Exported, values: Values, folder: Path) -> tuple[int, float]:
    """Bytes of the standard file, and what it is worth."""
    stored = rounded(ticket, values)
    path = folder / "tried.onnx"
    save_model(to_standard(stored.model, stored.masks), path)
    examples = task.splits.validation
    try:
        return path.stat().st_size, task.metric(bare(file_outputs(path, task, examples)), targets_of(examples))
    finally:
        path.unlink()
