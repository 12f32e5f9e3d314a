"""The nouns that travel through the pipeline: a mask, and the ticket it makes of a network's weights."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from lth_edge.arrays import Array as Array  # noqa: PLC0414  named here too
from lth_edge.errors import DamagedError, InputError
from lth_edge.files import read_json, whole_file, write_json

Weights = dict[str, Array]


class Mask(Mapping[str, Array]):
    """Which weights are kept: parameter name -> boolean array of the parameter's shape.

    The mask is the truth, zeros are not: a kept weight may be zero, a pruned one always is.

    Raises:
        InputError: an array holds anything but 0 and 1.
    """

    def __init__(self, kept: Mapping[str, Array]) -> None:
        self._kept = {name: _as_bool(name, array) for name, array in kept.items()}

    def __getitem__(self, name: str) -> Array:
        return self._kept[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        """Prunable weights, kept or not."""
        return sum(array.size for array in self._kept.values())

    @property
    def kept(self) -> int:
        return sum(int(np.count_nonzero(array)) for array in self._kept.values())

    @property
    def density(self) -> float:
        """Kept over prunable."""
        return self.kept / self.size

    @property
    def sparsity(self) -> float:
        return 1.0 - self.density

    def is_nested_in(self, other: "Mask") -> bool:
        """Whether every weight kept here is kept in `other` too."""
        return self.keys() == other.keys() and all(
            bool(np.all(other[name] | ~array)) for name, array in self._kept.items()
        )

    def apply(self, weights: Mapping[str, Array]) -> Weights:
        """A copy of `weights` with +0.0 wherever this mask prunes."""
        return {
            name: np.where(self[name], array, np.zeros((), array.dtype)) if name in self else array
            for name, array in weights.items()
        }

    def save(self, path: Path) -> None:
        with whole_file(path) as temporary:
            save_file({name: array.astype(np.uint8) for name, array in self._kept.items()}, temporary)

    @classmethod
    def load(cls, path: Path) -> "Mask":
        """Read a mask back.

        Raises:
            DamagedError: missing, unreadable, or no mask.
        """
        try:
            return cls(load_weights(path))
        except InputError as error:
            raise DamagedError(f"{path}: {error.message}", "copy it again or make it anew") from error


@dataclass(frozen=True)
class Ticket:
    """One level's outcome: a mask and the weights to ship under it.

    Attributes:
        mask: which weights are kept.
        weights: parameter and buffer name -> array, pruned weights exactly +0.0.
        facts: the level's figures (seed, level, accuracy, steps, ...), as in `level.json`.
    """

    mask: Mask
    weights: Weights
    facts: dict[str, Any]

    def save(self, folder: Path) -> None:
        """Write `mask.safetensors`, `weights.safetensors` and `ticket.json` into `folder`."""
        self.mask.save(folder / "mask.safetensors")
        save_weights(folder / "weights.safetensors", self.weights)
        write_json(folder / "ticket.json", self.facts)

    @classmethod
    def load(cls, folder: Path) -> "Ticket":
        """Read a ticket back.

        Raises:
            DamagedError: a file is missing, unreadable, or mask and weights contradict each other.
        """
        mask = Mask.load(folder / "mask.safetensors")
        weights = load_weights(folder / "weights.safetensors")
        for name, kept in mask.items():
            if name not in weights or weights[name].shape != kept.shape:
                raise DamagedError(f"{folder}: the mask of {name!r} has no weight of its shape", "make the ticket anew")
            if np.any(weights[name][~kept]):
                raise DamagedError(f"{folder}: {name!r} is not zero where its mask prunes", "make the ticket anew")
        facts = read_json(folder / "ticket.json")
        if not isinstance(facts, dict):
            raise DamagedError(f"{folder / 'ticket.json'} holds no facts of a ticket", "make the ticket anew")
        return cls(mask, weights, facts)


def chosen_folder(run: Path) -> Path:
    """The folder of the ticket that a finished run chose.

    Raises:
        InputError: it is no run, is not finished, or found no ticket.
        DamagedError: its report is damaged.
    """
    if not (run / "run.json").exists():
        raise InputError(f"{run} is no run", "give the folder that lth-edge compress wrote")
    if not (run / "report.json").exists():
        raise InputError(f"the run {run} is not finished", "run the same command again, or name one of its levels")
    chosen = read_json(run / "report.json").get("chosen")
    if chosen is None:
        raise InputError(
            f"the run {run} found no ticket within tolerance", "look into its report; allow more --tolerance"
        )
    return run / f"seed-{chosen['seed']}" / f"level-{chosen['level']:02d}"


def save_weights(path: Path, weights: Mapping[str, Array]) -> None:
    """Write arrays as safetensors, whole or not at all."""
    with whole_file(path) as temporary:
        save_file({name: np.asarray(array, order="C") for name, array in weights.items()}, temporary)


def load_weights(path: Path) -> Weights:
    """Read a safetensors file.

    Raises:
        DamagedError: missing, truncated, or not safetensors.
    """
    try:
        return load_file(path)
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing", "copy it again or make it anew") from error
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise DamagedError(f"{path} is damaged: {error}", "copy it again or make it anew") from error


def _as_bool(name: str, array: Array) -> Array:
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise InputError(f"the mask of {name!r} holds values other than 0 and 1", "a mask is 0 or 1 per weight")
    return array.astype(np.bool_)
