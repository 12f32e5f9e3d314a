"""The folder of a run: what is finished in it, and that only its own recipe and data go on in it.

lth-edge-runs/mlp-digits-2f6c1a9b03de/     task and recipe hash
    recipe.toml                            the recipe, every value set
    run.json                               recipe hash, fingerprint of data and network, pinned threads and device
    seed-0/level-00/                       dense: mask, weights, end, start and state (what a rewind goes back to)
    seed-0/level-01/ ...                   one folder per level
    seed-0/level-11-reinit/ ...            controls
    files/                                 dense.onnx, int8.onnx, ticket.onnx, ticket.sparse.onnx and
                                           ticket.csr.safetensors
    test.json                              the one pass over the test set
    package/ package.zip                   what is shipped
    report.json report.md report.html      what was found, for programs and for people
    tickets.csv                            one row per seed, level and control
    devices/                               what devices measured, and estimates
    devices.md devices.html                the devices side by side
"""

import errno
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch

from lth_edge._version import __version__
from lth_edge.errors import DamagedError, RecipeError
from lth_edge.files import clear_leftovers, read_json, storage_errors, whole_file, write_json
from lth_edge.recipe import Recipe

DEFAULT_ROOT = Path("lth-edge-runs")


@dataclass(frozen=True)
class Run:
    """An open run.

    Attributes:
        facts: the content of run.json.
    """

    folder: Path
    facts: dict[str, Any]

    @property
    def files(self) -> Path:
        return self.folder / "files"

    def seed(self, seed: int) -> Path:
        return self.folder / f"seed-{seed}"

    @property
    def pins(self) -> dict[str, Any]:
        """Device and threads that the run goes on with, as fields of `TrainRecipe`; none before its forecast."""
        return _pins(self.facts)

    def finished(self) -> tuple[int, int]:
        """How many levels are finished, and how many controls."""
        names = [path.name.removeprefix("level-") for path in self.folder.glob("seed-*/level-*")]
        levels = sum(map(str.isdecimal, names))
        return levels, len(names) - levels

    def clear_results(self) -> None:
        """Remove what an earlier call shipped and reported: what lies here must be of one piece.

        What devices measured stays: the same files may come out again, and other figures are refused when read.
        """
        for name in ("files", "package"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        reports = ("report.json", "report.md", "report.html", "tickets.csv", "devices.md", "devices.html")
        for name in ("package.zip", *reports):
            (self.folder / name).unlink(missing_ok=True)

    def pin(self, **facts: Any) -> "Run":
        """Add facts that stay for the life of the run."""
        pinned = Run(self.folder, self.facts | facts)
        write_json(self.folder / "run.json", pinned.facts)
        return pinned


def folder_of(out: Path | None, recipe: Recipe, name: str) -> Path:
    """Where the run of a recipe lies."""
    return out or DEFAULT_ROOT / f"{name}-{recipe.search_hash}"


def look_at_run(folder: Path, recipe: Recipe, fingerprint: str) -> Run:
    """A run as `open_run` would open it, without a touch: it may change before it is opened.

    Raises:
        RecipeError, DamagedError, StorageError: `open_run` would refuse the folder.
    """
    with storage_errors(folder):
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "", there)
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "", there)
        if not folder.exists():
            return Run(folder, {})
        if (lock := folder / ".lock").exists():
            with lock.open() as held:
                _lock(held, folder)
        return Run(folder, _facts(folder, recipe, fingerprint))


@contextmanager
def open_run(out: Path | None, recipe: Recipe, fingerprint: str, name: str) -> Iterator[Run]:
    """Open or begin the run of a recipe; one process at a time.

    Args:
        out: its folder; by default `lth-edge-runs/NAME-HASH`.
        fingerprint: of data and network, which must stay the same.

    Raises:
        RecipeError: the folder belongs to another recipe, to other data or pins, or to a process that still runs.
        DamagedError: its run.json is not one.
    """
    folder = folder_of(out, recipe, name)
    look_at_run(folder, recipe, fingerprint)  # what is refused stays as it was: no lock is left in it
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        _lock(lock, folder)
        facts = _facts(folder, recipe, fingerprint)
        # First of all: a folder with run.json is known for ours, whatever a kill leaves in it.
        write_json(folder / "run.json", facts)
        clear_leftovers(folder)
        with whole_file(folder / "recipe.toml") as temporary:
            temporary.write_text(recipe.to_toml())
        yield Run(folder, facts)


def _facts(folder: Path, recipe: Recipe, fingerprint: str) -> dict[str, Any]:
    fresh = {
        "schema_version": 1,
        "recipe_hash": recipe.search_hash,
        "fingerprint": fingerprint,
        "versions": {
            "lth_edge": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
    if not (folder / "run.json").exists():
        if any(path.name != ".lock" and not path.name.startswith(".run.json.") for path in folder.iterdir()):
            raise RecipeError(f"{folder} holds other files", "choose an empty folder with --out")
        return fresh
    before = read_json(folder / "run.json")
    if not isinstance(before, dict):
        raise DamagedError(f"{folder / 'run.json'} is not that of a run", "choose another folder with --out")
    if not {"recipe_hash", "fingerprint"} <= before.keys():
        raise RecipeError(f"{folder} holds other files", "choose an empty folder with --out")
    same = all(before.get(key) == fresh[key] for key in ("recipe_hash", "fingerprint"))
    if not same and next(folder.glob("seed-*/level-*"), None) is None:
        # What failed before its first level holds nothing to protect: the mended command may begin anew here.
        return fresh
    if before.get("recipe_hash") != fresh["recipe_hash"]:
        raise RecipeError(f"{folder} belongs to another recipe", "see its recipe.toml; choose another folder (--out)")
    if before.get("fingerprint") != fresh["fingerprint"]:
        raise RecipeError(
            f"the data, the network, the loss or the training loop changed since {folder} was begun",
            "begin another run in another folder (--out), or remove this one",
        )
    _check_pins(recipe, before)
    return before | {"versions": fresh["versions"]}


def _check_pins(recipe: Recipe, facts: dict[str, Any]) -> None:
    """A run keeps its device and threads, or its levels would not be of one kind."""
    for name, value in _pins(facts).items():
        if getattr(recipe.train, name) not in {None, "auto", value}:
            raise RecipeError(f"this run is pinned to {name} {value}", f"leave --{name} away, or choose --out")


def _pins(facts: dict[str, Any]) -> dict[str, Any]:
    pinned = {"device": facts.get("device"), "threads": facts.get("forecast", {}).get("threads")}
    return {name: value for name, value in pinned.items() if value is not None}


def _lock(file: IO[str], folder: Path) -> None:
    """Hold the folder against a second process until `file` is closed, where the system can lock files."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RecipeError(f"another process works in {folder}", "wait for it, or choose another --out") from error
