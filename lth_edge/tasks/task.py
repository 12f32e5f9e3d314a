"""A task: what is compressed, on which data, and how good is good enough."""

import inspect
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
from lth_edge.ticket import Array, Mask


@dataclass(frozen=True)
class Task:
    """Model, data, loss and metric.

    Attributes:
        recipe: the section of the recipe that it was built from, with nothing left to "auto".
        build: returns a freshly initialised network; it draws from torch's global generator.
        splits: training, validation and sealed test examples.
        preprocess: one module per input, from raw input to what the network takes.
        loss: (outputs, targets) -> scalar tensor; single outputs and targets come bare, several as tuples.
        metric, tolerance: what is compared, and how much worse a ticket may be, in the metric's units.
        labels: class names, empty where targets are no classes.
        input_names: names of the exported inputs.
        input_dtype: "float32" or "uint8", the type of a shipped file's input where raw data are bytes.
        given: trained weights to start from, `None` to train from scratch.
        kept: the mask to train within; `None` where one is to be found.
        licenses: of weights and data.
    """

    recipe: TaskRecipe
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
    kept: Mask | None = None
    licenses: tuple[str, str] = ("unknown", "unknown")

    @property
    def name(self) -> str:
        return f"{_short(self.model)}-{_short(self.data)}"

    @property
    def model(self) -> str:
        return self.recipe.model

    @property
    def data(self) -> str:
        return self.recipe.data

    @property
    def classifies(self) -> bool:
        """Whether the first output is scores of classes, so that predictions can be counted."""
        return bool(self.labels) and (self.metric.name in CLASSIFYING or self.recipe.loss in {"cross-entropy", "bce"})

    def within_tolerance(self, value: float, dense: float) -> bool:
        """Whether a metric is no more than the tolerance worse than that of dense, but for rounding."""
        return self.metric.loss_against(value, dense) <= self.tolerance + 1e-9

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

    def fingerprint(self, loop: Callable[..., Any] | None = None) -> str:
        """A hash of data, network, loss and the user's training loop: a run must not go on with another.

        What the network and the loss do is seen in their values on two inputs, to four digits, so that an edited
        forward() counts and rounding does not. These are made up, for a data set may augment its own at random.
        """
        digest = sha256()
        for part in (self.splits.train, self.splits.validation, self.splits.test):
            digest.update(b"none" if part is None else part.digest().encode())
        network = self.network(0)
        for name, tensor in network.state_dict().items():
            digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
        for name, kept in (self.kept or {}).items():
            digest.update(name.encode() + kept.tobytes())
        inputs, targets = (tuple(_ramp(x) for x in side) for side in self.few())
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # for a loss that draws random numbers
            outputs, loss = self.try_out(network, inputs, targets)
        seen = (loss, *(o.double().abs().mean() for o in outputs))
        digest.update(" ".join(f"{float(value):.3e}" for value in seen).encode())
        digest.update(_source(loop).encode())
        return digest.hexdigest()[:16]

    def few(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The first two training examples."""
        return self.splits.train.batch(torch.arange(min(2, len(self.splits.train))))

    def try_out(
        self, network: nn.Module, inputs: tuple[Tensor, ...], targets: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Outputs and loss on a few raw inputs, in inference mode."""
        with torch.no_grad():
            outputs = self.deployed(network).eval()(*inputs)
            loss = self.loss(bare(outputs), bare(targets))
        return outputs if isinstance(outputs, (tuple, list)) else (outputs,), loss  # type: ignore[return-value]


def bare(content: Any) -> Any:
    """A single output or target by itself, several as they are."""
    return content[0] if isinstance(content, (tuple, list)) and len(content) == 1 else content


def _ramp(x: Tensor) -> Tensor:
    """A tensor like `x` made up from its shape and type: rising, or zeros for integers that are no bytes."""
    rising = torch.arange(x.numel()).reshape(x.shape)
    if x.is_floating_point():
        return (rising / x.numel()).to(x.dtype)
    return rising.to(x.dtype) if x.dtype == torch.uint8 else torch.zeros_like(x)


def _source(function: Callable[..., Any] | None) -> str:
    """The source of the user's function; empty where Python does not know it."""
    try:
        return inspect.getsource(function) if function is not None else ""
    except (OSError, TypeError):
        return ""


def _short(name: str) -> str:
    """The last part of a name, fit for a folder's name."""
    stem = (
        name.removesuffix("/").rpartition("/")[2].rpartition(":")[2] if ".py:" not in name else name.rpartition(":")[2]
    )
    return "".join(c if c.isalnum() or c == "-" else "-" for c in stem.removesuffix(".npz")).strip("-") or "own"
