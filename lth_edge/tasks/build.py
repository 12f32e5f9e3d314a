"""Build a task: from the names in a recipe, or from Python objects; what does not fit together is told now."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lth_edge.errors import InputError, LthEdgeError, RecipeError, nearest, reason
from lth_edge.recipe import Normalize, TaskRecipe
from lth_edge.tasks.data import Data, load_data, own_data
from lth_edge.tasks.examples import Splits, signature
from lth_edge.tasks.imports import call_own, is_own
from lth_edge.tasks.kept import kept_ticket
from lth_edge.tasks.metrics import CLASSIFYING, Loss, Metric, load_loss, load_metric
from lth_edge.tasks.models import REFERENCE
from lth_edge.tasks.preprocess import Preprocess, channel_statistics, imagenet_statistics
from lth_edge.tasks.task import Task
from lth_edge.tasks.vision import torchvision
from lth_edge.tasks.weights import load_given


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
    loss_name, loss = ("own", loss) if loss else load_loss(recipe.loss, splits.train.targets[0])
    metric = metric or load_metric(recipe.metric, recipe.metric_direction)
    if metric.name in CLASSIFYING:
        _check_classes(metric, data)
    tolerance = metric.tolerance if recipe.tolerance is None else recipe.tolerance
    if tolerance is None:
        raise RecipeError(f"the metric {metric.name} has no tolerance", "add --tolerance in units of the metric")
    _check_parts(splits)
    recipe = replace(recipe, loss=loss_name, tolerance=tolerance, normalize=_normalize(recipe, splits))
    preprocess = _preprocess(recipe, data, splits)
    shapes = _shapes(preprocess, splits)
    task = Task(
        recipe=recipe,
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
    task = replace(task, given=_given(recipe, task)) if recipe.keep_mask is None else _within(recipe.keep_mask, task)
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


def _factory(recipe: TaskRecipe, shape: tuple[int, ...], outputs: int) -> Callable[[], nn.Module]:
    name, arguments = recipe.model, recipe.model_args
    if is_own(name):
        return lambda: call_own(name, arguments)
    if name.startswith("torchvision:"):
        return _torchvision(name.removeprefix("torchvision:"), arguments, outputs)
    if name.endswith(".py"):
        raise RecipeError(f"{name!r} names no factory", f"write {name}:NAME, the function or class in it")
    if name not in REFERENCE:
        known = [*REFERENCE, "torchvision:NAME", "py:package.module:factory", "./file.py:factory"]
        raise RecipeError(f"unknown model {name!r}", nearest(name, known))

    def build() -> nn.Module:
        try:
            return REFERENCE[name](shape, outputs, **arguments)
        except (TypeError, ValueError, RuntimeError) as error:
            mend = "mlp takes hidden=1024,512; vit takes width, depth, heads and patch"
            raise RecipeError(f"--model-arg does not fit {name}: {error}", mend) from error

    return build


def _torchvision(name: str, arguments: dict[str, Any], outputs: int) -> Callable[[], nn.Module]:
    known = torchvision().models.list_models(module=torchvision().models)
    if name not in known:
        raise RecipeError(f"unknown model torchvision:{name}", nearest(name, known))

    def build() -> nn.Module:
        try:
            return torchvision().models.get_model(name, weights=None, **{"num_classes": outputs, **arguments})
        except (TypeError, ValueError, RuntimeError) as error:
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
        return torchvision().models.get_model_weights(name).DEFAULT.get_state_dict(progress=False, check_hash=True)
    except Exception as error:
        raise InputError(f"cannot fetch the weights of {name}: {error}", "fetch them elsewhere, give a file") from error


def _within(run: str, task: Task) -> Task:
    """The task that goes on from the ticket of a run, within its mask."""
    if task.recipe.weights is not None:
        raise RecipeError("--keep-mask starts from the weights of its ticket", "leave --weights away")
    ticket = kept_ticket(Path(run), task.initialised(0))
    weights = {name: torch.from_numpy(array) for name, array in ticket.weights.items()}
    return replace(task, given=weights, kept=ticket.mask)


def _check_classes(metric: Metric, data: Data) -> None:
    for part in (data.train, data.validation, data.test):
        if part is None:
            continue
        target = part.targets[0]
        if target.is_floating_point():
            raise RecipeError(
                f"{metric.name} needs class labels, the targets are {target.dtype}",
                "choose --metric mae with a --tolerance, or give integer targets",
            )
        lowest, highest = int(target.min()), int(target.max())
        if data.labels and not 0 <= lowest <= highest < len(data.labels):
            raise InputError(
                f"class labels run from {lowest} to {highest}, but there are {len(data.labels)} classes",
                "number the classes from 0, have all of them in the training data, and name all or none",
            )


def _check_parts(splits: Splits) -> None:
    """Every part of the data must look like the training part; found now, not after a day of training."""
    wanted = signature(splits.train)
    found = {"validation": signature(splits.validation)}
    if splits.test is not None:
        found["test"] = splits.test.signature()
    for part, shapes in found.items():
        if shapes != wanted:
            raise InputError(f"{part} examples are {shapes}, training examples {wanted}", "give all parts alike")


def _normalize(recipe: TaskRecipe, splits: Splits) -> Normalize:
    """The scaling in front of the network; trained weights are never given one that nobody named.

    Raises:
        RecipeError: trained weights from a file, on data that would be scaled.
    """
    raw = splits.train.batch(torch.arange(1))[0]
    if raw[0].dtype == torch.int64:
        return "none"
    if recipe.normalize is not None:
        return recipe.normalize
    if recipe.weights == "default":
        return "imagenet"
    if is_own(recipe.data) or (raw[0].is_floating_point() and len(raw) > 1):
        return "none"
    if recipe.weights is not None:
        raise RecipeError(
            "trained weights want the scaling that they were trained with, and none is named",
            "add --normalize imagenet, dataset (mean and deviation of the training data) or none (bytes / 255)",
        )
    return "dataset"


def _preprocess(recipe: TaskRecipe, data: Data, splits: Splits) -> tuple[nn.Module, ...]:
    """Scaling for the first input; further inputs, and integers that are no bytes, go in as they are."""
    raw = splits.train.batch(torch.arange(1))[0]
    if raw[0].dtype == torch.int64:
        return tuple(nn.Identity() for _ in raw)
    if recipe.normalize == "dataset":
        mean, deviation = channel_statistics(splits.train, data.channels_last)
    elif recipe.normalize == "imagenet":
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
    network = task.network(0)
    if any(tensor.dtype == torch.bfloat16 for tensor in network.state_dict().values()):
        raise InputError(f"{task.model} holds bfloat16 numbers, which files cannot hold", "build it in float32")
    try:
        _, loss = task.try_out(network, *task.few())
    except LthEdgeError:
        raise
    except Exception as error:
        inputs, _ = task.splits.train.batch(torch.arange(1))
        shapes = ", ".join(str(tuple(x.shape[1:])) for x in inputs)
        raise InputError(
            f"{task.model} and its loss do not fit inputs of {shapes}: {reason(error)}",
            "check --model, --layout, the number of classes and --loss",
        ) from error
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        raise InputError("the loss is not a single number", "return a scalar tensor, the mean over the batch")
