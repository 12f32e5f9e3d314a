"""The folder of a run: what is finished in it, and that only its own recipe and data go on in it.

lth-edge-runs/mlp-digits-2f6c1a9b03de/     task and recipe hash
    recipe.toml                            the recipe, every value set
    run.json                               recipe hash, fingerprint of data and network, pinned threads and device
    seed-0/level-00/                       dense: mask, weights, end, start and state (what a rewind goes back to)
    seed-0/level-01/ ...                   one folder per level
    seed-0/level-11-reinit/ ...            controls
    files/                                 dense.onnx, int8.onnx, ticket.onnx, ticket.csr.safetensors
    test.json                              the one pass over the test set
    package/ package.zip                   what is shipped
    report.json report.md report.html
"""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lth_edge._version import __version__
from lth_edge.errors import RecipeError
from lth_edge.files import clear_leftovers, read_json, storage_errors, whole_file, write_json
from lth_edge.recipe import Recipe
from lth_edge.tasks.task import Task

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

    def pin(self, **facts: Any) -> "Run":
        """Add facts that stay for the life of the run."""
        pinned = Run(self.folder, self.facts | facts)
        write_json(self.folder / "run.json", pinned.facts)
        return pinned


@contextmanager
def open_run(out: Path | None, recipe: Recipe, task: Task) -> Iterator[Run]:
    """Open or begin the run of a recipe; one process at a time.

    Args:
        out: its folder; by default `lth-edge-runs/TASK-HASH`.

    Raises:
        RecipeError: the folder belongs to another recipe, to other data, or to a process that still runs.
    """
    folder = out or DEFAULT_ROOT / f"{task.name}-{recipe.search_hash}"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        facts = _facts(folder, recipe, task)
        clear_leftovers(folder)
        with whole_file(folder / "recipe.toml") as temporary:
            temporary.write_text(recipe.to_toml())
        write_json(folder / "run.json", facts)
        yield Run(folder, facts)


def _facts(folder: Path, recipe: Recipe, task: Task) -> dict[str, Any]:
    fresh = {
        "schema_version": 1,
        "recipe_hash": recipe.search_hash,
        "fingerprint": task.fingerprint(),
        "versions": {
            "lth_edge": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
    if not (folder / "run.json").exists():
        if any(path.name not in {".lock"} for path in folder.iterdir()):
            raise RecipeError(f"{folder} holds other files", "choose an empty folder with --out")
        return fresh
    before = read_json(folder / "run.json")
    same = all(before.get(key) == fresh[key] for key in ("recipe_hash", "fingerprint"))
    if not same and next(folder.glob("seed-*/level-*"), None) is None:
        # What failed before its first level holds nothing to protect: the mended command may begin anew here.
        return fresh
    if before.get("recipe_hash") != fresh["recipe_hash"]:
        raise RecipeError(
            f"{folder} belongs to another recipe", "see its recipe.toml; choose another folder with --out"
        )
    if before.get("fingerprint") != fresh["fingerprint"]:
        raise RecipeError(
            f"the data or the network changed since {folder} was begun",
            "begin another run with --out, or remove it",
        )
    return before | {"versions": fresh["versions"]}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder against a second process, where the system can lock files."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with storage_errors(folder), (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RecipeError(f"another process works in {folder}", "wait for it, or choose another --out") from error
        yield
