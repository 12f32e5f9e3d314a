"""The recipe: everything that decides what `lth-edge compress` does, as frozen dataclasses.

A recipe comes from TOML, from flags, or from Python; flags win over the file. `None` stands for "auto": the
default for the model and data at hand, filled in by `lth_edge.find.defaults` before anything is trained. The hash of
the filled-in recipe names the run. The command line is made from these fields, so their help texts live here.
"""

import dataclasses
import json
import math
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import tomli_w

from lth_edge.errors import RecipeError, nearest

Retraining = Literal["rewind", "learning-rate", "fine-tune"]
Scope = Literal["layer", "global"]
Rank = Literal["magnitude", "clustered"]
Normalize = Literal["none", "dataset", "imagenet"]
ControlKind = Literal["reinit", "random-mask", "dense-longer"]
Method = Literal["iterative", "one-shot", "gradual", "auto"]
StoredValues = Literal[
    "auto", "fp32", "fp16", "int8",
    "codebook-64", "codebook-32", "codebook-16", "codebook-8", "codebook-4", "codebook-2-4", "codebook-2",
]  # fmt: skip
SparseWeights = Literal["plain", "fast", "best"]
LARGEST_SEED = 1 << 31
"""Seeds lie below: every generator in use takes them."""

FREE = frozenset(
    "preset data_dir download input_dtype tolerance license_weights license_data device jobs threads "
    "sparsity levels patience budget seeds controls dense_longer control_levels".split()
)
"""Fields that do not change what a level's training computes."""
NEUTRAL = {
    "checkpoint": "best", "precision": "fp32", "find": "iterative", "granularity": "weight", "rank": "magnitude",
}  # fmt: skip
"""Values that stand for what runs did before the field was there: a run that was begun then goes on."""


def option(default: Any, help: str, metavar: str = "") -> Any:
    """A recipe field with its help text and the name of its value on the command line."""
    facts = {"help": help, "metavar": metavar}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=facts)
    return field(default=default, metadata=facts)


@dataclass(frozen=True)
class TaskRecipe:
    """What is compressed: the network, its data, and how good is good enough."""

    preset: str | None = option(None, "start from a recipe of the literature; `lth-edge presets` lists them", "NAME")
    model: str = option(
        "mlp", "mlp, lenet-300-100, lenet-5, conv-2, conv-4, conv-6, resnet-8, resnet-20, resnet-56, vgg-16, cnn-1d, "
        "vit, torchvision:NAME, py:package.module:factory or ./file.py:factory", "MODEL",
    )  # fmt: skip
    model_args: dict[str, Any] = option({}, "argument of the model's factory, repeatable", "K=V")
    weights: str | None = option(None, "start from trained weights: a state dict or safetensors, or 'default'", "FILE")
    keep_mask: str | None = option(
        None, "train on within the mask of that run's ticket, from its weights; nothing is pruned", "RUN"
    )
    data: str = option(
        "digits", "digits, torchvision:MNIST (FashionMNIST, KMNIST, CIFAR10, CIFAR100), npz:FILE, folder:DIR, "
        "py:package.module:factory or ./file.py:factory", "DATA",
    )  # fmt: skip
    data_args: dict[str, Any] = option(
        {}, "argument of the data's factory, or groups=KEY of an npz file, repeatable", "K=V"
    )
    data_dir: str = option("data", "where torchvision's data sets lie, and npz files that are not here", "DIR")
    download: bool = option(False, "let torchvision download a data set that is not there")
    layout: Literal["as-is", "nhwc"] = option("as-is", "layout of images in npz files and own data")
    input_dtype: Literal["float32", "uint8"] = option("float32", "type of the shipped file's input")
    normalize: Normalize | None = option(None, "scaling in front of the network; to be named with --weights FILE")
    image_size: int = option(224, "images of a folder are resized and cropped to this many pixels", "PIXELS")
    loss: str | None = option(None, "cross-entropy, bce, mse, l1, or ./file.py:function(outputs, targets)", "LOSS")
    metric: str = option(
        "accuracy", "accuracy, balanced-accuracy, macro-f1, auc, mae, or ./file.py:function(outputs, targets)",
        "METRIC",
    )  # fmt: skip
    metric_direction: Literal["higher", "lower"] | None = option(None, "which way an own metric is better")
    tolerance: float | None = option(None, "how much worse than dense a ticket may be, in the metric's units")
    validation: float = option(0.2, "share (or number) of training examples held out for decisions")
    test: float = option(0.2, "share (or number) of examples held out for the final figures where none are given")
    split_seed: int = option(0, "seed of the splits")
    license_weights: str = option("unknown", "licence of the weights, for the manifest", "SPDX")
    license_data: str | None = option(None, "licence of the data, for the manifest", "SPDX")

    def __post_init__(self) -> None:
        _check(self, "tolerance", lambda v: 0 <= v < math.inf, "must be a number from 0")
        _check(self, "validation", lambda v: v > 0, "must be above 0")
        _check(self, "test", lambda v: v >= 0, "must not be negative")
        _check(self, "split_seed", lambda v: 0 <= v < LARGEST_SEED, f"must lie between 0 and {LARGEST_SEED}")
        _check(self, "image_size", lambda v: v >= 8, "must be at least 8")


@dataclass(frozen=True)
class TrainRecipe:
    """One training run."""

    steps: int | None = option(None, "optimiser steps per level")
    batch_size: int | None = option(None, "examples per step")
    optimizer: Literal["adam", "adamw", "sgd"] | None = option(None, "optimiser")
    learning_rate: float | None = option(None, "learning rate")
    momentum: float = option(0.9, "momentum of sgd")
    weight_decay: float | None = option(None, "weight decay")
    milestones: tuple[float, ...] | None = option(None, "shares of the steps at which the rate drops", "A,B")
    gamma: float = option(0.1, "factor of each drop")
    warmup: float = option(0.0, "share of the steps over which the rate rises from 0")
    augment: Literal["none", "flip", "crop-flip"] | None = option(None, "augmentation of training images")
    evaluate_every: int | None = option(None, "steps between evaluations on validation data")
    checkpoint: Literal["best", "last"] = option(
        "best", "report and ship weights of the lowest validation loss, or last"
    )
    precision: Literal["fp32", "bf16"] = option(
        "fp32", "arithmetic of the network's training; bf16 is faster where CPU or GPU have it: see the forecast"
    )
    device: str = option("auto", "auto, cpu, cuda, cuda:1", "DEVICE")
    jobs: int = option(1, "seeds trained at once, each in a process and on one thread or --threads")
    threads: int | None = option(None, "torch threads; auto is one, or all where steps are long and gain by it")

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "learning_rate", "evaluate_every", "jobs", "threads", "gamma"):
            _check(self, name, lambda v: v > 0, "must be above 0")
        for name in ("momentum", "warmup"):
            _check(self, name, lambda v: 0 <= v < 1, "must be at least 0 and below 1")
        _check(self, "weight_decay", lambda v: v >= 0, "must not be negative")
        _check(self, "milestones", lambda v: all(0 < x < 1 for x in v), "must be shares between 0 and 1")


@dataclass(frozen=True)
class FindRecipe:
    """The search: levels of train, prune, rewind."""

    find: Method = option(
        "iterative", "prune level by level, at once from dense, or within one training; auto goes as deep as tolerance "
        "allows for half of the steps",
    )  # fmt: skip
    granularity: Literal["weight", "unit"] = option("weight", "prune weights, or whole channels, neurons and heads")
    prune_rate: float = option(0.2, "fraction of the remaining weights pruned per level")
    output_prune_rate: float | None = option(None, "the same for the output layer; auto is half of --prune-rate")
    conv_prune_rate: float | None = option(None, "the same for convolutions; auto is --prune-rate")
    rank: Rank = option(
        "magnitude", "prune the smallest weights, or small ones in rows and columns of which little is left: clustered "
        "is a smaller download",
    )  # fmt: skip
    scope: Scope = option("layer", "prune the smallest weights of each layer, or of all layers together")
    retraining: Retraining | None = option(None, "what follows a pruning: rewind the weights, the rate, or neither")
    rewind_step: int | None = option(None, "step to rewind to; 0 is the original initialisation", "K")
    sparsity: float | None = option(None, "stop at this fraction of zeros")
    levels: int = option(30, "stop after this many prunings")
    patience: int = option(1, "levels below tolerance that the search looks past")
    budget: str | None = option(None, "stop when this time is spent, such as 90s, 45m or 6h", "TIME")
    seeds: tuple[int, ...] = option((0,), "repeat the search with each seed", "A,B")
    controls: bool = option(False, "train the same mask re-initialised, and a random mask of as many weights")
    dense_longer: bool = option(False, "train dense for as many steps as all levels up to the ticket took")
    control_levels: tuple[int, ...] | None = option(None, "levels that get controls; auto is the chosen one", "A,B")
    recalibrate_bn: bool = option(False, "measure batch norm statistics anew before a level is evaluated")

    def __post_init__(self) -> None:
        for name in ("prune_rate", "sparsity"):
            _check(self, name, lambda v: 0 < v < 1, "must lie between 0 and 1, both excluded")
        for name in ("output_prune_rate", "conv_prune_rate"):
            _check(self, name, lambda v: 0 <= v < 1, "must be at least 0 and below 1")
        _check(self, "rewind_step", lambda v: v >= 0, "must not be negative")
        _check(self, "levels", lambda v: v >= 1, "must be at least 1")
        _check(self, "patience", lambda v: v >= 0, "must not be negative")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise RecipeError("seeds must be one or more different numbers", "such as --seeds 0,1,2")
        _check(self, "seeds", lambda v: all(0 <= x < LARGEST_SEED for x in v), f"must be from 0 to {LARGEST_SEED}")
        self.budget_seconds  # noqa: B018  a malformed budget is refused here

    @property
    def budget_seconds(self) -> float | None:
        """The budget in seconds, `None` where there is none."""
        if self.budget is None:
            return None
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", self.budget)
        if not match or float(match[1]) <= 0:
            raise RecipeError(f"budget {self.budget!r} is not a time", "write it as 90s, 45m or 6h")
        return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


@dataclass(frozen=True)
class StoreRecipe:
    """What the shipped files look like."""

    compact: bool = option(False, "remove units that can no longer matter, exactly")
    reorder: bool = option(True, "put units beside those like them, which makes a download smaller")
    opset: int = option(18, "ONNX opset of the exported files")
    store: StoredValues = option(
        "fp32", "bits of a weight; codebook-2-4: 2 numbers in the largest layers, 4 in others; auto: the fewest within "
        "--storage-loss",
    )  # fmt: skip
    train_values: bool = option(True, "train within a codebook of 8 or fewer where rounding alone loses more")
    sparse_weights: SparseWeights = option(
        "plain", "weights of the sparse form: plain arrays, or coded and decoded at load (fast, or best: fewest bytes)"
    )
    storage_loss: float = option(0.1, "how much worse than the ticket with fp32 values the stored one may be")

    def __post_init__(self) -> None:
        _check(self, "storage_loss", lambda v: 0 <= v < math.inf, "must be a number from 0")
        _check(self, "opset", lambda v: 18 <= v <= 23, "must be between 18 and 23")


@dataclass(frozen=True)
class BenchRecipe:
    """How the files are measured, and what is preferred among them."""

    bench_threads: int = option(1, "onnxruntime threads while measuring")
    bench_batch: int = option(32, "the batch size measured beside 1")
    processes: int = option(10, "processes per measurement; intervals come from the spread between them")
    seconds: float = option(0.4, "timed seconds per process")
    prefer: Literal["balanced", "size", "latency"] = option("balanced", "what decides between forms within tolerance")

    def __post_init__(self) -> None:
        for name in ("bench_threads", "bench_batch", "seconds"):
            _check(self, name, lambda v: v > 0, "must be above 0")
        _check(self, "processes", lambda v: v >= 2, "must be at least 2: an interval needs a spread")


@dataclass(frozen=True)
class Recipe:
    """The whole recipe, one section per stage."""

    task: TaskRecipe = field(default_factory=TaskRecipe)
    train: TrainRecipe = field(default_factory=TrainRecipe)
    find: FindRecipe = field(default_factory=FindRecipe)
    store: StoreRecipe = field(default_factory=StoreRecipe)
    bench: BenchRecipe = field(default_factory=BenchRecipe)

    @classmethod
    def from_toml(cls, path: Path) -> "Recipe":
        """Read a recipe.

        Raises:
            RecipeError: not there, not TOML, or a section, key or value that is not known.
        """
        return cls.from_dict(read_recipe(path))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Recipe":
        """Build a recipe from nested dictionaries, as TOML and JSON hold them."""
        return cls().replace(content)

    def replace(self, changes: Mapping[str, Mapping[str, Any]]) -> "Recipe":
        """A copy with some fields changed: section -> field -> value.

        Raises:
            RecipeError: an unknown section or field, or a value of the wrong type or out of bounds.
        """
        sections = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name, fields in changes.items():
            if name not in sections:
                raise RecipeError(f"unknown section [{name}] in the recipe", nearest(name, sections))
            if not isinstance(fields, Mapping):
                raise RecipeError(f"[{name}] must be a section", f"write [{name}] on a line of its own")
            sections[name] = _replace_section(sections[name], name, fields)
        return Recipe(**sections)

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries without the fields that are auto."""
        nested = dataclasses.asdict(self)
        return {
            section: {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items() if v is not None}
            for section, fields in nested.items()
        }

    def to_toml(self) -> str:
        return tomli_w.dumps(self.to_dict())

    @property
    def search_hash(self) -> str:
        """Twelve hex digits of all that decides a level's weights; it names the run.

        What only says how far to search, what to measure or what to choose is left out (`FREE`): the same run goes on
        when more seeds, controls or levels are asked for.
        """
        deciding = {k: v for k, v in self.to_dict().items() if k in {"task", "train", "find"}}
        deciding = {
            s: {k: v for k, v in fields.items() if k not in FREE and v != NEUTRAL.get(k, math.nan)}
            for s, fields in deciding.items()
        }
        return sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:12]


def read_recipe(path: Path) -> dict[str, Any]:
    """What a recipe file sets: section -> field -> value.

    Raises:
        RecipeError: not there, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {path}: {error.strerror}", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}", "mend the line it names") from error


def _replace_section(section: Any, name: str, changes: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(type(section))
    for key in changes:
        if key not in hints:
            raise RecipeError(f"unknown field {key!r} in [{name}] of the recipe", nearest(key, hints))
    values = {key: _convert(f"{name}.{key}", hints[key], value) for key, value in changes.items()}
    return dataclasses.replace(section, **values)


def _convert(name: str, kind: Any, value: Any) -> Any:
    """`value` as type `kind`, where TOML's types allow it without loss."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {types.UnionType, typing.Union}:
        return None if value is None else _convert(name, next(a for a in arguments if a is not type(None)), value)
    if origin is Literal:
        if value not in arguments:
            raise RecipeError(f"{name} = {value!r} is not known", nearest(str(value), map(str, arguments)))
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise RecipeError(f"{name} must be a list", f"such as {name} = [0, 1]")
        return tuple(_convert(name, arguments[0], item) for item in value)
    if origin is dict:
        kind = dict
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise RecipeError(f"{name} = {value!r} is not {_A[kind]}", f"give {_A[kind]}")
    return value


_A = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", dict: "a table"}


def _check(section: Any, name: str, holds: typing.Callable[[Any], bool], rule: str) -> None:
    value = getattr(section, name)
    if value is not None and not holds(value):
        raise RecipeError(f"{name.replace('_', '-')} = {value} {rule}", f"see --{name.replace('_', '-')} in the help")
