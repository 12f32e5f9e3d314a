"""In how few bits a ticket's values are stored, and what that costs beside pruning: on validation data alone."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lth_edge.convert.model_file import save_model
from lth_edge.convert.round_values import round_values
from lth_edge.convert.sparse_node import Values as SparseValues
from lth_edge.convert.standard import to_standard
from lth_edge.errors import TrainingError
from lth_edge.export.onnx_export import Exported
from lth_edge.recipe import StoreRecipe
from lth_edge.sparse.quantize import SMALLEST_FIRST, TRAINED, Values
from lth_edge.tasks.task import Task, bare
from lth_edge.ticket import Weights
from lth_edge.verify import file_outputs, targets_of

Retrain = Callable[[Values], Weights]
"""From a codebook to weights trained within it."""


@dataclass(frozen=True)
class Candidate:
    """A ticket with its values stored in one way.

    Attributes:
        trained: whether it was trained within its codebook.
        weights: of the network, before they were rounded.
        exact: their export.
        held: the export with rounded values.
    """

    values: Values
    trained: bool
    weights: Weights
    exact: Exported
    held: Exported


@dataclass(frozen=True)
class Trial:
    """What became of a candidate.

    Attributes:
        bytes: of the standard file.
        metric: on validation data.
        loss: against the ticket with fp32 values, in units of the metric; negative where it is better.
    """

    values: Values
    trained: bool
    bytes: int
    metric: float
    loss: float


@dataclass(frozen=True)
class Storage:
    """How values are stored, and why.

    Attributes:
        asked: what the recipe says.
        limit: the loss allowed.
        trials: what was tried, in order.
        values, trained: of the one that was chosen.
    """

    asked: str
    limit: float
    trials: tuple[Trial, ...]
    values: Values
    trained: bool

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def candidates(
    weights: Weights, export: Callable[[Weights], Exported], recipe: StoreRecipe, retrain: Retrain | None
) -> Iterator[Candidate]:
    """What the recipe asks for, the fewest bits first; each is made when it is asked for.

    Args:
        weights: the ticket's.
        export: from weights to the model whose values are to be rounded.
        retrain: `None` where training within a codebook is not to be had.
    """
    exact = export(weights)
    for values in SMALLEST_FIRST if recipe.store == "auto" else (recipe.store,):
        yield Candidate(values, False, weights, exact, rounded(exact, values))
        if values in TRAINED and recipe.train_values and retrain is not None:
            try:
                trained = retrain(values)
            except TrainingError:
                continue  # so coarse that training does not converge: no reason to give up a finished ticket
            shared = export(trained)
            yield Candidate(values, True, trained, shared, rounded(shared, values))


def most_trainings(recipe: StoreRecipe) -> int:
    """Trainings within a codebook that `candidates` may ask for, at most."""
    if not recipe.train_values:
        return 0
    return len(TRAINED) if recipe.store == "auto" else int(recipe.store in TRAINED)


def choose_storage(
    task: Task, offered: Iterator[Candidate], exact: Exported, recipe: StoreRecipe, folder: Path
) -> tuple[Storage, Candidate]:
    """The first candidate whose loss is within the recipe's limit; where none is, the one that loses least.

    Args:
        exact: the ticket with fp32 values.
        folder: for a file while it is tried.
    """
    _, best = _worth(task, exact, folder)
    tried: list[tuple[Trial, Candidate]] = []
    for candidate in offered:
        size, metric = _worth(task, candidate.held, folder)
        loss = task.metric.loss_against(metric, best)
        tried.append((Trial(candidate.values, candidate.trained, size, metric, loss), candidate))
        if loss <= recipe.storage_loss:
            break
    chosen, candidate = next(
        (pair for pair in tried if pair[0].loss <= recipe.storage_loss), min(tried, key=lambda pair: pair[0].loss)
    )
    trials = tuple(trial for trial, _ in tried)
    return Storage(recipe.store, recipe.storage_loss, trials, chosen.values, chosen.trained), candidate


def rounded(ticket: Exported, values: Values) -> Exported:
    """The ticket with rounded values."""
    return Exported(round_values(ticket.model, ticket.masks, values), ticket.masks)


def sparse_values(values: Values) -> SparseValues:
    """In what our operators hold them without loss: a codebook's numbers are float16."""
    if values == "int8":
        return "int8"
    return "fp32" if values == "fp32" else "fp16"


def _worth(task: Task, held: Exported, folder: Path) -> tuple[int, float]:
    """Bytes of the standard file, and what it is worth on validation data."""
    path = folder / "tried.onnx"
    save_model(to_standard(held.model, held.masks), path)
    examples = task.splits.validation
    try:
        return path.stat().st_size, task.metric(bare(file_outputs(path, task, examples)), targets_of(examples))
    finally:
        path.unlink()
