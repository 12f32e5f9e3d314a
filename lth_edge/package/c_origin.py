"""What a C program is made from: the ticket of a run with its data, or a package with its test vector."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lth_edge.errors import InputError
from lth_edge.package.archive import unpacked
from lth_edge.package.manifest import MANIFEST, Licenses, Manifest
from lth_edge.package.replay import Vector
from lth_edge.package.verify import verify_package
from lth_edge.recipe import Recipe
from lth_edge.runtime.session import session
from lth_edge.ticket import Array

if TYPE_CHECKING:
    from lth_edge.tasks.examples import Examples
    from lth_edge.tasks.task import Task

CALIBRATION_EXAMPLES = 256
JUDGED_EXAMPLES = 128


@dataclass(frozen=True, eq=False)
class Origin:
    """A model of standard operators and real inputs for it.

    Attributes:
        name: of the network.
        model: its ONNX file.
        vector: [N, ...], the test vector's inputs.
        calibration: [N, ...], for the ranges of int8 activations.
        calibrated_on: what these are, in words.
        judged: [N, ...], on which the program is compared with onnxruntime.
        judged_on: what these are, in words.
        licenses: of the network.
    """

    name: str
    model: Path
    vector: Array
    calibration: Array
    calibrated_on: str
    judged: Array
    judged_on: str
    licenses: Licenses

    def outputs(self, inputs: Array) -> Array:
        """[N, outputs], what onnxruntime gives.

        Raises:
            InputError: the model has not one input and one output.
        """
        opened = session(self.model)
        if len(opened.get_inputs()) != 1 or len(opened.get_outputs()) != 1:
            raise InputError(f"{self.name} has more than one input or output", "a C program has one of each")
        name = opened.get_inputs()[0].name
        rows = [opened.run(None, {name: row[None]})[0].reshape(-1) for row in inputs]
        return np.stack(rows)


@contextmanager
def open_origin(path: Path) -> Iterator[Origin]:
    """Read a run's folder, or a package's folder or zip, whose hashes are checked first.

    Raises:
        InputError: nothing there, or a run without a ticket.
        DamagedError: the package is damaged.
    """
    if path.suffix == ".zip" and path.is_file():
        with unpacked(path) as folder:
            yield _of_package(folder)
    elif (path / MANIFEST).is_file():
        yield _of_package(path)
    elif (path / "run.json").is_file():
        yield _of_run(path)
    else:
        raise InputError(f"{path} is neither a run nor a package", "give the folder that lth-edge compress made")


def _of_package(folder: Path) -> Origin:
    manifest = verify_package(folder).manifest
    inputs = _vector(folder, manifest)
    words = f"the {len(inputs)} examples of the package's test vector"
    model = folder / manifest.fallback
    return Origin(manifest.name, model, inputs, inputs, words, inputs, words, manifest.licenses)


def _of_run(folder: Path) -> Origin:
    model, package = folder / "files" / "ticket.onnx", folder / "package"
    if not (model.is_file() and (package / MANIFEST).is_file()):
        raise InputError(f"{folder} has no ticket, or is not finished", "finish it with lth-edge compress")
    manifest = verify_package(package).manifest
    calibration, judged = _examples(folder)
    return Origin(
        manifest.name,
        model,
        _vector(package, manifest),
        calibration,
        f"{len(calibration)} training examples of the run",
        judged,
        f"{len(judged)} validation examples of the run",
        manifest.licenses,
    )


def _vector(folder: Path, manifest: Manifest) -> Array:
    if len(manifest.inputs) != 1:
        raise InputError(f"{manifest.name} has {len(manifest.inputs)} inputs", "a C program has one")
    vector = Vector.load(folder / manifest.test_vector.file, manifest.inputs, manifest.outputs)
    return next(iter(vector.inputs.values()))


def _examples(folder: Path) -> tuple[Array, Array]:
    """Raw training and validation examples of a run, as its files take them."""
    # PyTorch comes with them, and takes seconds that a package need not wait for.
    from lth_edge.tasks.build import load_task

    task = load_task(Recipe.from_toml(folder / "recipe.toml").task)
    splits = task.splits
    return _inputs(task, splits.train, CALIBRATION_EXAMPLES), _inputs(task, splits.validation, JUDGED_EXAMPLES)


def _inputs(task: "Task", part: "Examples", count: int) -> Array:
    """Evenly spaced examples, first input of each."""
    from lth_edge.tasks.examples import batches, some

    feeds = (task.feed(inputs) for inputs, _ in batches(some(part, count), 32))
    return np.concatenate([next(iter(feed.values())) for feed in feeds])
