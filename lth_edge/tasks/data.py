"""Data sets by name: scikit-learn's digits, torchvision's sets, npz files, folders of images, the user's own.

An npz file holds `x_train` and `y_train`, and may hold `x_validation`, `y_validation`, `x_test`, `y_test`, `labels`
(class names) and `groups` (one integer per training example: related examples stay on one side of a split). `x` and `y`
stand for `x_train` and `y_train`. Several inputs are several keys, `x_train_left` and `x_train_right`. Inputs are
float32 (float64 is converted) or uint8, batch first; `--layout nhwc` says that the channels come last. Class labels are
integers from 0, other targets floats. A relative path is looked for in the current folder, then in `--data-dir`;
`--data-arg groups=KEY` names another array as the groups.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from sklearn.datasets import load_digits
from torch import Tensor

from lth_edge.errors import InputError, RecipeError, nearest, reason
from lth_edge.presets.sources import SOURCES
from lth_edge.recipe import TaskRecipe
from lth_edge.tasks.examples import DatasetExamples, Examples, Splits, TensorExamples, as_examples, group_ids
from lth_edge.tasks.imports import call_own, is_own
from lth_edge.tasks.splits import split
from lth_edge.tasks.vision import torchvision
from lth_edge.ticket import Array

IN_MEMORY_BYTES = 1 << 30


@dataclass(frozen=True)
class Data:
    """A data set before its parts are completed.

    Attributes:
        train, validation, test: examples; what is missing is carved out of `train`.
        labels: class names, empty where targets are no classes.
        input_names: one per input.
        channels_last: whether raw images come as height x width x channels.
        license: SPDX identifier or "unknown".
    """

    train: Examples
    validation: Examples | None = None
    test: Examples | None = None
    labels: tuple[str, ...] = ()
    input_names: tuple[str, ...] = ("input",)
    channels_last: bool = False
    license: str = "unknown"

    def splits(self, recipe: TaskRecipe) -> Splits:
        return split(
            self.train,
            self.validation,
            self.test,
            validation_share=recipe.validation,
            test_share=recipe.test,
            seed=recipe.split_seed,
        )


def load_data(recipe: TaskRecipe) -> Data:
    """The data set that the recipe names, and never another.

    Raises:
        RecipeError: an unknown scheme or name.
        InputError: missing or damaged data, or a factory that fails.
    """
    name = recipe.data
    if is_own(name):
        return _own(recipe)
    scheme, _, rest = name.partition(":")
    loaders: dict[str, Callable[[TaskRecipe, str], Data]] = {
        "digits": _digits,
        "torchvision": _torchvision,
        "npz": _npz,
        "folder": _folder,
    }
    if scheme not in loaders and Path(name).suffix == ".npz":
        raise RecipeError(f"unknown data {name!r}", f"write npz:{name}")
    if scheme not in loaders and Path(name).is_dir():
        raise RecipeError(f"unknown data {name!r}", f"write folder:{name}")
    if scheme not in loaders or bool(rest) != (scheme != "digits"):
        known = ["digits", "torchvision:NAME", "npz:FILE", "folder:DIR", "py:package.module:factory"]
        raise RecipeError(f"unknown data {name!r}", nearest(name, known))
    return loaders[scheme](recipe, rest)


def _digits(recipe: TaskRecipe, _: str) -> Data:
    digits = load_digits()
    images = torch.from_numpy(digits.images).to(torch.uint8).unsqueeze(1)
    examples = TensorExamples((images,), (torch.from_numpy(digits.target).to(torch.int64),))
    return Data(examples, labels=tuple("0123456789"), license="CC-BY-4.0")


def _unread(folder: Path, error: Exception) -> str:
    if not folder.is_dir():
        return "there is no such folder"
    return reason(error).removesuffix(" You can use download=True to download it")


LICENSES = {"MNIST": "CC-BY-SA-3.0", "FashionMNIST": "MIT", "KMNIST": "CC-BY-SA-4.0"}
TORCHVISION = ("MNIST", "FashionMNIST", "KMNIST", "CIFAR10", "CIFAR100")


def _torchvision(recipe: TaskRecipe, name: str) -> Data:
    if name not in TORCHVISION:
        raise RecipeError(f"unknown data set torchvision:{name}", nearest(name, TORCHVISION))
    make = getattr(torchvision().datasets, name)
    try:
        train, test = (make(recipe.data_dir, train=part, download=recipe.download) for part in (True, False))
    except Exception as error:
        raise InputError(
            f"cannot read {name} in {recipe.data_dir}: {_unread(Path(recipe.data_dir), error)}",
            f"give --data-dir the folder that holds {getattr(make, 'base_folder', f'{name}/raw')}, or add --download",
        ) from error
    return Data(
        _bytes_examples(train),
        test=_bytes_examples(test),
        labels=tuple(str(label) for label in train.classes),
        channels_last=train.data.ndim == 4,
        license=LICENSES.get(name, "unknown"),
    )


def _bytes_examples(dataset: Any) -> TensorExamples:
    images = torch.as_tensor(dataset.data)
    return TensorExamples((images.unsqueeze(1) if images.ndim == 3 else images,), (torch.as_tensor(dataset.targets),))


def _npz(recipe: TaskRecipe, name: str) -> Data:
    arrays = _read_npz(_found(Path(name), recipe))
    if "groups" in recipe.data_args:
        arrays["groups"] = _groups(name, arrays, str(recipe.data_args["groups"]))
    parts = {part: _npz_examples(name, arrays, part) for part in ("train", "validation", "test")}
    train = parts["train"]
    if train is None:
        raise InputError(
            f"{name} has no x_train and y_train", f"it holds {', '.join(arrays) or 'nothing'}; rename them"
        )
    _check_shape(recipe, train)
    labels = tuple(str(label) for label in np.ravel(arrays.get("labels", ())))
    return Data(
        train,
        parts["validation"],
        parts["test"],
        labels or _numbered(train),
        tuple(_input_names(arrays, "train")),
        recipe.layout == "nhwc",
    )


def _check_shape(recipe: TaskRecipe, train: TensorExamples) -> None:
    """A preset's data are of one shape: channels in another place would be taken for rows."""
    source, shape = SOURCES.get(recipe.data), tuple(train.inputs[0].shape[1:])
    if recipe.preset is not None and source is not None and source.shape not in {None, shape}:
        raise InputError(
            f"an example of {recipe.data} is {shape}, preset {recipe.preset} takes {source.shape}",
            "bring x_train and x_test into that order; lth-edge presets says what the file holds",
        )


def _found(path: Path, recipe: TaskRecipe) -> Path:
    """The file, here or in the data folder.

    Raises:
        InputError: it is in neither.
    """
    beside = Path(recipe.data_dir) / path
    for found in (path, beside):
        if found.exists():
            return found
    mend = "check the path after npz:, or name its folder by --data-dir"
    if recipe.preset is not None:
        mend = "give --data-dir the folder that holds it; lth-edge presets says where it comes from"
    raise InputError(f"{path} is not there{'' if beside == path else f', nor is {beside}'}", mend)


def _groups(name: str, arrays: Mapping[str, Array], key: str) -> Array:
    """What the recipe says holds one group per training example."""
    if key not in arrays:
        raise RecipeError(f"{name} has no {key!r} to split by", nearest(key, arrays))
    return arrays[key]


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (ValueError, OSError, BadZipFile, ZlibError, EOFError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read: {error}",
            "save plain arrays with numpy.savez; pickled objects are refused",
        ) from error


def _keys(arrays: Mapping[str, Array], stem: str) -> list[str]:
    found = [key for key in arrays if key == stem or key.startswith(f"{stem}_")]
    # Without a part in its name, "x" must not swallow "x_test".
    return [key for key in found if stem not in {"x", "y"} or key == stem]


def _input_names(arrays: Mapping[str, Array], part: str) -> list[str]:
    keys = _keys(arrays, f"x_{part}") or _keys(arrays, "x")
    return [key.removeprefix(f"x_{part}").removeprefix("_") or "input" for key in keys if key != "x"] or ["input"]


def _npz_examples(name: str, arrays: Mapping[str, Array], part: str) -> TensorExamples | None:
    bare = part == "train"
    xs = _keys(arrays, f"x_{part}") or (_keys(arrays, "x") if bare else [])
    ys = _keys(arrays, f"y_{part}") or (_keys(arrays, "y") if bare else [])
    if not xs and not ys:
        return None
    if not xs or not ys:
        raise InputError(f"{name} has only one of x_{part} and y_{part}", "give both")
    if not bare:
        xs, ys = (_as_in_train(name, arrays, kind, part, keys) for kind, keys in (("x", xs), ("y", ys)))
    groups = arrays.get(f"groups_{part}", arrays.get("groups") if bare else None)
    inputs, targets = (tuple(_tensor(name, key, arrays[key]) for key in keys) for keys in (xs, ys))
    return TensorExamples(inputs, targets, group_ids(groups))


def _as_in_train(name: str, arrays: Mapping[str, Array], kind: str, part: str, keys: list[str]) -> list[str]:
    """The keys of a part in the order of the training keys, whatever order the archive has."""
    train = _keys(arrays, f"{kind}_train") or _keys(arrays, kind)
    wanted = [f"{kind}_{part}{key.removeprefix(f'{kind}_train') if key != kind else ''}" for key in train]
    if set(wanted) != set(keys):
        raise InputError(f"{name} holds {', '.join(keys)} where {', '.join(wanted)} belong", "name both parts alike")
    return wanted


def _tensor(file: str, key: str, array: Array) -> Tensor:
    if array.dtype.kind not in "fiub":
        raise InputError(f"{key} in {file} is of type {array.dtype}", "give float32, uint8 or integers")
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            single = array.astype(np.float32)
        if not np.isfinite(single).all():
            raise InputError(f"{key} in {file} holds values that are not finite in float32", "clean the data first")
        return torch.from_numpy(single)
    keep = array.dtype == np.uint8 and key.startswith("x")
    return torch.from_numpy(array if keep else array.astype(np.int64))


def _folder(recipe: TaskRecipe, name: str) -> Data:
    root = Path(name)
    if not root.is_dir():
        raise InputError(f"{root} is no folder", "check the path after folder:")
    if not (root / "train").is_dir():
        train, labels = _images(root, recipe.image_size)
        return Data(train, labels=labels, channels_last=True)
    parts: dict[str, Any] = {}
    train, labels = _images(root / "train", recipe.image_size)
    for part, folders in {"validation": ("validation", "val"), "test": ("test",)}.items():
        found = next((root / folder for folder in folders if (root / folder).is_dir()), None)
        if found is not None:
            parts[part], other = _images(found, recipe.image_size)
            if other != labels:
                raise InputError(f"{found} has other classes than {root / 'train'}", "give both the same folders")
    return Data(train, labels=labels, channels_last=True, **parts)


class FolderImages:
    """Images in one folder per class, decoded to (size, size, 3) bytes: resized, then cropped at the centre."""

    def __init__(self, root: Path, size: int) -> None:
        try:
            self.folder = torchvision().datasets.ImageFolder(str(root))
        except FileNotFoundError as error:
            raise InputError(
                f"{root} holds no images by class: {reason(error)}", "give one sub-folder per class"
            ) from error
        self.size = size

    def __len__(self) -> int:
        return len(self.folder.samples)

    def files_digest(self) -> str:
        return str([(path, Path(path).stat().st_size) for path, _ in self.folder.samples])

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, target = self.folder.samples[index]
        try:
            with Image.open(path) as file:
                image = file.convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            raise InputError(f"{path} is no readable image: {error}", "remove or replace it") from error
        image = torchvision().transforms.functional.resize(image, round(self.size * 256 / 224))
        image = torchvision().transforms.functional.center_crop(image, [self.size, self.size])
        return torch.from_numpy(np.array(image)), target


def _images(root: Path, size: int) -> tuple[Examples, tuple[str, ...]]:
    images = FolderImages(root, size)
    targets = (torch.tensor(images.folder.targets),)
    examples: Examples = DatasetExamples.over(images, targets)
    if len(images) * size * size * 3 <= IN_MEMORY_BYTES:
        examples = TensorExamples(*examples.batch(torch.arange(len(images))))
    return examples, tuple(images.folder.classes)


def _own(recipe: TaskRecipe) -> Data:
    content = call_own(recipe.data, recipe.data_args)
    if isinstance(content, Data):
        return content
    return own_data(content, recipe.layout == "nhwc")


def own_data(content: Any, channels_last: bool = False) -> Data:
    """Data from what users return: a dictionary with train (validation, test, groups, labels), or training data alone.

    Raises:
        InputError: no "train" in the dictionary, or parts that are not understood.
    """
    if not isinstance(content, Mapping):
        content = {"train": content}
    if "train" not in content:
        raise InputError(f"the data has no 'train', only {', '.join(map(str, content)) or 'nothing'}", "add it")
    train = as_examples(content["train"], content.get("groups"))
    validation, test = (as_examples(content[p]) if p in content else None for p in ("validation", "test"))
    labels = tuple(str(label) for label in content.get("labels", ())) or _numbered(train)
    count = len(train.batch(torch.arange(1))[0])
    names = ("input",) if count == 1 else tuple(f"input_{i}" for i in range(count))
    return Data(train, validation, test, labels, names, channels_last)


def _numbered(examples: Examples) -> tuple[str, ...]:
    target = examples.targets[0]
    if target.is_floating_point() or target.ndim != 1:
        return ()
    return tuple(str(i) for i in range(int(target.max()) + 1))
