"""What a C program is made from: the ticket of a run with its data, or a package with its test vector."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lth_edge.errors import InputError
from lth_edge.package.manifest import Licenses, Manifest
from lth_edge.package.replay import Vector
from lth_edge.package.source import Source
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


def origin_of(source: Source) -> Origin:
    """The ticket of a run with the run's data; or, where a package alone was named, that and its test vector.

    Raises:
        InputError: a run without a ticket, or a network of more than one input.
    """
    vector = _vector(source.folder, source.manifest)
    if source.path == source.folder or not (source.path / "run.json").is_file():
        words = f"the {len(vector)} examples of the package's test vector"
        return _origin(source, source.folder / source.manifest.fallback, vector, (vector, words), (vector, words))
    model = source.path / "files" / "ticket.onnx"
    if not model.is_file():
        raise InputError(f"{source.path} has no ticket", "find one with lth-edge compress")
    calibration, judged = _examples(source.path)
    words = f"{len(calibration)} training examples of the run"
    return _origin(
        source, model, vector, (calibration, words), (judged, f"{len(judged)} validation examples of the run")
    )


def _origin(
    source: Source, model: Path, vector: Array, calibration: tuple[Array, str], judged: tuple[Array, str]
) -> Origin:
    manifest = source.manifest
    return Origin(manifest.name, model, vector, *calibration, *judged, manifest.licenses)


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
