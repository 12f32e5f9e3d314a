"""A task: what is compressed, on which data, and how good is good enough."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from lth_edge.errors import InputError, RecipeError, nearest
from lth_edge.recipe import TaskRecipe
from lth_edge.tasks.data import Data, load_data, own_data
from lth_edge.tasks.examples import Splits
from lth_edge.tasks.imports import call_own, is_own
from lth_edge.tasks.metrics import CLASSIFYING, Loss, Metric, load_loss, load_metric
from lth_edge.tasks.models import REFERENCE
from lth_edge.tasks.preprocess import Deployed, Preprocess, channel_statistics, imagenet_statistics
from lth_edge.tasks.weights import fit, load_given
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


def load_task(recipe: TaskRecipe) -> Task:
    """Build the task that a recipe names, and try one example on its network.

    Raises:
        RecipeError: unknown names, or options that contradict each other.
        InputError: data, weights or factories that fail.
    """
    return task_from_data(recipe, load_data(recipe))


def task_from_data(
    recipe: TaskRecipe,
    data: Data,
    build: Callable[[], nn.Module] | None = None,
    loss: Loss | None = None,
    metric: Metric | None = None,
) -> Task:
    """Build a task on data at hand; objects given stand in for what the recipe names."""
    splits = data.splits(recipe)
    loss_name, named_loss = load_loss(recipe.loss, splits.train.targets[0])
    loss = loss or named_loss
    metric = metric or load_metric(recipe.metric, recipe.metric_direction)
    _check_targets(metric, splits)
    tolerance = metric.tolerance if recipe.tolerance is None else recipe.tolerance
    if tolerance is None:
        raise RecipeError(f"the metric {metric.name} has no tolerance", "add --tolerance in units of the metric")
    preprocess = _preprocess(recipe, data, splits)
    shapes = _shapes(preprocess, splits)
    task = Task(
        model=recipe.model,
        data=recipe.data,
        build=build or _factory(recipe, shapes[0], _outputs(data, splits, loss_name)),
        splits=splits,
        preprocess=preprocess,
        loss=loss,
        metric=metric,
        tolerance=tolerance,
        labels=data.labels,
        input_names=data.input_names,
        input_dtype=_input_dtype(recipe, splits),
        licenses=(recipe.license_weights, recipe.license_data or data.license),
    )
    task = replace(task, given=_given(recipe, task))
    _try(task)
    return task


def make_task(
    model: Callable[[], nn.Module],
    data: Any,
    *,
    loss: Loss | None = None,
    metric: Metric | str = "accuracy",
    weights: Mapping[str, Tensor] | None = None,
    channels_last: bool = False,
    **recipe: Any,
) -> Task:
    """A task from Python objects.

    Args:
        model: returns a freshly initialised network.
        data: training data, or a dictionary with "train" and perhaps "validation", "test", "groups" and "labels";
            each part is (inputs, targets), a Dataset or a DataLoader.
        loss, metric: functions; by default those of `TaskRecipe`.
        weights: a state dict to start from.
        channels_last: whether raw images come as height x width x channels.
        recipe: further fields of `TaskRecipe`, such as `tolerance`, `validation` or `normalize`.

    Raises:
        RecipeError, InputError: see `load_task`.
    """
    name = getattr(model, "__name__", type(model).__name__)
    named = metric if isinstance(metric, str) else metric.name
    fields = {"model": name, "data": "own", "normalize": "none", **recipe}
    if not isinstance(metric, str):
        fields.setdefault("tolerance", metric.tolerance)
    built = task_from_data(
        TaskRecipe(**fields), own_data(data, channels_last), build=model, loss=loss,
        metric=metric if isinstance(metric, Metric) else load_metric(named, None),
    )  # fmt: skip
    return built if weights is None else replace(built, given=dict(weights))


def described(task: Task) -> TaskRecipe:
    """The recipe's section for a task made in Python: what the report and the run's hash say of it."""
    return TaskRecipe(model=task.model, data=task.data, metric=task.metric.name, tolerance=task.tolerance)


def _factory(recipe: TaskRecipe, shape: tuple[int, ...], outputs: int) -> Callable[[], nn.Module]:
    name, arguments = recipe.model, recipe.model_args
    if is_own(name):
        return lambda: call_own(name, arguments)
    if name.startswith("torchvision:"):
        return _torchvision(name.removeprefix("torchvision:"), arguments, outputs)
    if name not in REFERENCE:
        known = [*REFERENCE, "torchvision:NAME", "py:package.module:factory", "./file.py:factory"]
        raise RecipeError(f"unknown model {name!r}", nearest(name, known))

    def build() -> nn.Module:
        try:
            return REFERENCE[name](shape, outputs, **arguments)
        except (TypeError, ValueError) as error:
            raise RecipeError(f"--model-arg does not fit {name}: {error}", "mlp takes hidden=1024,512") from error

    return build


def _torchvision(name: str, arguments: dict[str, Any], outputs: int) -> Callable[[], nn.Module]:
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise RecipeError(f"unknown model torchvision:{name}", nearest(name, known))

    def build() -> nn.Module:
        try:
            return torchvision.models.get_model(name, weights=None, **{"num_classes": outputs, **arguments})
        except (TypeError, ValueError) as error:
            raise RecipeError(f"--model-arg does not fit torchvision:{name}: {error}", "see its page") from error

    return build


def _given(recipe: TaskRecipe, task: Task) -> dict[str, Tensor] | None:
    if recipe.weights is None:
        return None
    if recipe.weights != "default":
        return load_given(Path(recipe.weights))
    if not recipe.model.startswith("torchvision:"):
        raise RecipeError(f"{recipe.model} has no default weights", "only torchvision's models have; give a file")
    name = recipe.model.removeprefix("torchvision:")
    try:
        return torchvision.models.get_model_weights(name).DEFAULT.get_state_dict(progress=False, check_hash=True)
    except Exception as error:
        raise InputError(f"cannot fetch the weights of {name}: {error}", "fetch them elsewhere, give a file") from error


def _check_targets(metric: Metric, splits: Splits) -> None:
    if metric.name in CLASSIFYING and splits.train.targets[0].is_floating_point():
        raise RecipeError(
            f"{metric.name} needs class labels, the targets are {splits.train.targets[0].dtype}",
            "choose --metric mae with a --tolerance, or give integer targets",
        )


def _preprocess(recipe: TaskRecipe, data: Data, splits: Splits) -> tuple[nn.Module, ...]:
    """Scaling for the first input; further inputs, and integers that are no bytes, go in as they are."""
    raw = splits.train.batch(torch.arange(1))[0]
    normalize = recipe.normalize or ("imagenet" if recipe.weights == "default" else "dataset")
    if recipe.normalize is None and (is_own(recipe.data) or (raw[0].is_floating_point() and len(raw) > 1)):
        normalize = "none"
    if raw[0].dtype == torch.int64:
        return tuple(nn.Identity() for _ in raw)
    if normalize == "dataset":
        mean, deviation = channel_statistics(splits.train, data.channels_last)
    elif normalize == "imagenet":
        mean, deviation = imagenet_statistics(raw[0].dtype == torch.uint8)
    else:
        scale = 255.0 if raw[0].dtype == torch.uint8 else 1.0
        mean, deviation = torch.zeros(()), torch.full((), scale)
    first = Preprocess(data.channels_last, mean, deviation)
    return (first, *(nn.Identity() for _ in raw[1:]))


def _input_dtype(recipe: TaskRecipe, splits: Splits) -> str:
    first = splits.train.batch(torch.arange(1))[0][0]
    if recipe.input_dtype == "uint8" and first.dtype != torch.uint8:
        raise RecipeError(f"--input-dtype uint8 needs bytes, the data is {first.dtype}", "leave the option away")
    return recipe.input_dtype


def _shapes(preprocess: tuple[nn.Module, ...], splits: Splits) -> list[tuple[int, ...]]:
    raw = splits.train.batch(torch.arange(1))[0]
    return [tuple(stage(x).shape[1:]) for stage, x in zip(preprocess, raw, strict=True)]


def _outputs(data: Data, splits: Splits, loss: str) -> int:
    target = splits.train.targets[0]
    if loss == "bce" or (target.is_floating_point() and target.ndim == 1):
        return 1
    return target.shape[1] if target.is_floating_point() else len(data.labels) or int(target.max()) + 1


def _try(task: Task) -> None:
    """One batch through the network and the loss, so that what does not fit is told now."""
    network = task.deployed(task.network(0)).eval()
    inputs, targets = task.splits.train.batch(torch.arange(min(2, len(task.splits.train))))
    try:
        with torch.no_grad():
            outputs = network(*inputs)
            loss = task.loss(bare(outputs), bare(targets))
    except InputError:
        raise
    except Exception as error:
        shapes = ", ".join(str(tuple(x.shape)) for x in inputs)
        raise InputError(
            f"{task.model} and its loss do not fit inputs of {shapes}: {str(error).splitlines()[0]}",
            "check --model, --layout, the number of classes and --loss",
        ) from error
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        raise InputError("the loss is not a single number", "return a scalar tensor, the mean over the batch")


def bare(content: Any) -> Any:
    """A single output or target by itself, several as they are."""
    return content[0] if isinstance(content, (tuple, list)) and len(content) == 1 else content


def _short(name: str) -> str:
    """The last part of a name, fit for a folder's name."""
    stem = (
        name.removesuffix("/").rpartition("/")[2].rpartition(":")[2] if ".py:" not in name else name.rpartition(":")[2]
    )
    return "".join(c if c.isalnum() or c == "-" else "-" for c in stem.removesuffix(".npz")).strip("-") or "own"
