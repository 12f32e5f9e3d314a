"""A task: what is compressed, on which data, and how good is good enough."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor, nn

from lth_edge.errors import InputError
from lth_edge.recipe import TaskRecipe
from lth_edge.tasks.examples import Splits
from lth_edge.tasks.metrics import CLASSIFYING, Loss, Metric
from lth_edge.tasks.preprocess import Deployed
from lth_edge.tasks.weights import fit
from lth_edge.ticket import Array


@dataclass(frozen=True)
class Task:
    """Model, data, loss and metric.

    Attributes:
        model, data: their names, for people.
        build: returns a freshly initialised network; it draws from torch's global generator.
        splits: training, validation and sealed test examples.
        preprocess: one module per input, from raw input to what the network takes.
        loss: (outputs, targets) -> scalar tensor; single outputs and targets come bare, several as tuples.
        metric, tolerance: what is compared, and how much worse a ticket may be, in the metric's units.
        labels: class names, empty where targets are no classes.
        input_names: names of the exported inputs.
        input_dtype: "float32" or "uint8", the type of a shipped file's input where raw data are bytes.
        given: trained weights to start from, `None` to train from scratch.
        licenses: of weights and data.
    """

    model: str
    data: str
    build: Callable[[], nn.Module]
    splits: Splits
    preprocess: tuple[nn.Module, ...]
    loss: Loss
    metric: Metric
    tolerance: float
    labels: tuple[str, ...] = ()
    input_names: tuple[str, ...] = ("input",)
    input_dtype: str = "float32"
    given: dict[str, Tensor] | None = None
    licenses: tuple[str, str] = ("unknown", "unknown")

    @property
    def name(self) -> str:
        return f"{_short(self.model)}-{_short(self.data)}"

    @property
    def classifies(self) -> bool:
        return self.metric.name in CLASSIFYING

    def network(self, seed: int) -> nn.Module:
        """A network initialised from `seed`, or carrying the given weights; torch's generator is left as it was.

        Raises:
            InputError: the factory fails or returns no module, or the given weights do not fit.
        """
        network = self.initialised(seed)
        if self.given is not None:
            fit(network, self.given, self.model)
        return network

    def initialised(self, seed: int) -> nn.Module:
        """A network initialised from `seed`, whatever weights are given."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = self.build()
        if not isinstance(network, nn.Module):
            raise InputError(
                f"{self.model} returned {type(network).__name__}, not a torch.nn.Module",
                "return the network itself",
            )
        return network

    def deployed(self, network: nn.Module) -> Deployed:
        return Deployed(self.preprocess, network)

    def feed(self, inputs: tuple[Tensor, ...]) -> dict[str, Array]:
        """Raw inputs as an exported file takes them: name -> array."""
        return {name: self.raw(x).numpy() for name, x in zip(self.input_names, inputs, strict=True)}

    def raw(self, x: Tensor) -> Tensor:
        """A raw input in the type of the shipped file's input."""
        return x.to(torch.float32) if x.dtype == torch.uint8 and self.input_dtype == "float32" else x

    def fingerprint(self) -> str:
        """A hash of the data and the initial network: a run must not go on with another."""
        digest = sha256()
        for part in (self.splits.train, self.splits.validation, self.splits.test):
            digest.update(b"none" if part is None else part.digest().encode())
        for name, tensor in self.network(0).state_dict().items():
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


def described(task: Task) -> TaskRecipe:
    """The recipe's section for a task made in Python: what the report and the run's hash say of it."""
    return TaskRecipe(model=task.model, data=task.data, metric=task.metric.name, tolerance=task.tolerance)


def bare(content: Any) -> Any:
    """A single output or target by itself, several as they are."""
    return content[0] if isinstance(content, (tuple, list)) and len(content) == 1 else content


def _short(name: str) -> str:
    """The last part of a name, fit for a folder's name."""
    stem = (
        name.removesuffix("/").rpartition("/")[2].rpartition(":")[2] if ".py:" not in name else name.rpartition(":")[2]
    )
    return "".join(c if c.isalnum() or c == "-" else "-" for c in stem.removesuffix(".npz")).strip("-") or "own"
