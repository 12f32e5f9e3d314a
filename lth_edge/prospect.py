"""The model that a machine is asked about, in the forms that would run there: dense, int8, several sparse ones.

No weight need be trained: speed depends on how many are left and hardly on which, so random masks stand for tickets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lth_edge.agreement import guess_feed
from lth_edge.bench.choice import BASELINE
from lth_edge.convert.int8 import to_int8
from lth_edge.convert.model_file import read_model, save_model
from lth_edge.convert.random_masks import mask_at_random
from lth_edge.convert.sparse import to_sparse
from lth_edge.errors import InputError, RecipeError
from lth_edge.recipe import Recipe, StoreRecipe
from lth_edge.runtime.session import session
from lth_edge.ticket import Array

SPARSITIES = (0.7, 0.8, 0.9, 0.95)
_IMAGES = 4


@dataclass(frozen=True)
class Prospect:
    """A dense model.

    Attributes:
        name: for people.
        model: an `onnx.ModelProto`.
        feed: inputs of one example.
    """

    name: str
    model: Any
    feed: Mapping[str, Array]


@dataclass(frozen=True)
class Forms:
    """The files: form -> path, dense first; form -> why there is none; sparse form -> fraction of zeros."""

    paths: dict[str, Path]
    missing: dict[str, str]
    sparsities: dict[str, float]


def prospect_of(file: Path | None, options: Mapping[str, Any]) -> Prospect | None:
    """The model that a file or options of a task name, `None` where neither is given.

    Args:
        options: fields of `TaskRecipe` that were given.

    Raises:
        RecipeError: both are given.
        LthEdgeError: as `prospect_of_file` and `prospect_of_task`.
    """
    if file is not None and options:
        raise RecipeError(f"{file} and a network to export are two models", "give the file, or --model and its options")
    if file is not None:
        return prospect_of_file(file)
    return prospect_of_task(options) if options else None


def prospect_of_file(path: Path) -> Prospect:
    """An ONNX file, on random inputs.

    Raises:
        InputError: no such file, it is sparse already or has no weights, or no inputs could be guessed that it takes.
        DamagedError: it cannot be read.
    """
    model = read_model(path)
    mask_at_random(model, 0.0)  # what it refuses is told before a machine is asked
    feed = guess_feed(session(path))
    if feed is None:
        raise InputError(f"no inputs could be guessed that {path} takes", "give a file with fixed input sizes")
    return Prospect(path.name, model, feed)


def prospect_of_task(options: Mapping[str, Any]) -> Prospect:
    """The untrained network that `lth-edge compress` would train, exported, on one of its training examples.

    Without data, a reference network or one of torchvision's gets images of the size that it was published with.

    Args:
        options: fields of `TaskRecipe` that were given.

    Raises:
        RecipeError, InputError: as `lth_edge.tasks.build.load_task` and the export do.
    """
    import torch

    from lth_edge.export.onnx_export import export_onnx
    from lth_edge.tasks.build import load_task, task_from_data

    recipe = Recipe().replace({"task": dict(options)}).task
    published = _published(recipe.model) if "data" not in options else None
    task = load_task(recipe) if published is None else task_from_data(recipe, _images(*published))
    exported = export_onnx(task, task.network(0), None, StoreRecipe().opset)
    return Prospect(recipe.model, exported.model, task.feed(task.splits.train.batch(torch.arange(1))[0]))


def _published(model: str) -> tuple[tuple[int, int, int], int] | None:
    """The images (channels, height, width) that a network was published with, and into how many classes."""
    if model.startswith("torchvision:"):
        return (3, 224, 224), 1000
    if model.startswith("lenet-"):
        return (1, 28, 28), 10
    return ((3, 32, 32), 10) if model.startswith(("conv-", "resnet-", "vgg-")) else None


def _images(shape: tuple[int, int, int], classes: int) -> Any:
    """Data that is no data: random images, a label each."""
    from lth_edge.tasks.data import own_data

    images = np.random.default_rng(0).standard_normal((_IMAGES, *shape), np.float32)
    labels = np.arange(_IMAGES) % classes
    part = images, labels
    return own_data({"train": part, "validation": part, "test": part, "labels": range(classes)})


def write_forms(prospect: Prospect, kernels: bool, folder: Path) -> Forms:
    """Write every form that can be made.

    Args:
        kernels: whether sparse forms would run.
    """
    forms = Forms({BASELINE: folder / "dense.onnx"}, {}, {})
    save_model(prospect.model, forms.paths[BASELINE])
    try:
        to_int8(forms.paths[BASELINE], folder / "int8.onnx", [dict(prospect.feed)])
        forms.paths["int8"] = folder / "int8.onnx"
    except InputError as error:
        forms.missing["int8"] = error.message
    for sparsity in SPARSITIES:
        form = f"sparse, {sparsity:.0%} zeros"
        why = _write_sparse(prospect, sparsity, folder / f"sparse-{sparsity:.0%}.onnx") if kernels else "no kernels run"
        if why:
            forms.missing[form] = why
        else:
            forms.paths[form], forms.sparsities[form] = folder / f"sparse-{sparsity:.0%}.onnx", sparsity
    return forms


def _write_sparse(prospect: Prospect, sparsity: float, path: Path) -> str:
    """Write the sparse form; why there is none, or ""."""
    masked = mask_at_random(prospect.model, sparsity)
    converted = to_sparse(masked.model, masked.masks)
    if not converted.any:
        return "no layer gains by it"
    save_model(converted.model, path)
    return ""
