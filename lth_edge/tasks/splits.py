"""Which examples train, which decide and which are only reported: stratified, or by group where groups are given."""

from typing import Any

import numpy as np
import torch
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from torch import Tensor

from lth_edge.errors import InputError
from lth_edge.tasks.examples import Examples, SealedExamples, Splits


def split(
    train: Examples,
    validation: Examples | None,
    test: Examples | None,
    *,
    validation_share: float,
    test_share: float,
    seed: int,
) -> Splits:
    """Complete what is given to three parts.

    Where no test set is given it is carved first, so that nothing decided later has seen it; `test_share=0` leaves it
    out. Shares of 1 and more are numbers of examples.
    """
    origin = "given" if test is not None else "none"
    if test is None and test_share > 0:
        train, test = hold_out(train, test_share, seed, "test")
        origin = "carved"
    if validation is None:
        train, validation = hold_out(train, validation_share, seed + 1, "validation")
    return Splits(train, validation, None if test is None else SealedExamples(test), origin)


def hold_out(examples: Examples, share: float, seed: int, name: str) -> tuple[Examples, Examples]:
    """Split off a share of the examples: whole groups, else stratified by class, else at random.

    Raises:
        InputError: too few examples or groups for both sides to have some.
    """
    count = round(share) if share >= 1 else round(share * len(examples))
    if not 0 < count < len(examples):
        raise InputError(
            f"{len(examples)} examples leave no {name} set of {share:g}",
            f"give another --{name} share or more data",
        )
    if examples.groups is not None and len(examples.groups.unique()) < 2:
        raise InputError(f"too few groups to hold out a {name} set", "give more groups, or a split of your own")
    rest, held = _indices(examples, count, seed)
    return examples.subset(rest), examples.subset(held)


def _indices(examples: Examples, count: int, seed: int) -> tuple[Tensor, Tensor]:
    everything = np.arange(len(examples))
    if examples.groups is not None:
        groups = len(examples.groups.unique())
        some = min(max(1, round(groups * count / len(examples))), groups - 1)
        splitter = GroupShuffleSplit(1, test_size=some, random_state=seed)
        rest, held = next(splitter.split(everything, groups=examples.groups.numpy()))
    else:
        rest, held = train_test_split(
            everything, test_size=count, random_state=seed, stratify=_classes(examples, count)
        )
    return torch.from_numpy(np.sort(rest)), torch.from_numpy(np.sort(held))


def _classes(examples: Examples, count: int) -> Any:
    """Class labels to stratify by; `None` where targets are no classes or a class is too small to be in both sides."""
    target = examples.targets[0]
    if target.ndim != 1 or target.is_floating_point():
        return None
    classes, sizes = np.unique(target.numpy(), return_counts=True)
    if sizes.min() < 2 or len(classes) > min(count, len(examples) - count):
        return None
    return target.numpy()
