"""What is measured on a device: the files of a run, or a package beside the dense model that it came from."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lth_edge.bench.choice import BASELINE, SPARSE
from lth_edge.devices.device_file import FOLDER
from lth_edge.errors import DamagedError, InputError
from lth_edge.files import read_json
from lth_edge.package.archive import unpacked
from lth_edge.package.manifest import MANIFEST, Manifest
from lth_edge.package.replay import Vector, tensors
from lth_edge.package.verify import verify_package
from lth_edge.recipe import BenchRecipe, Recipe
from lth_edge.runtime.session import session
from lth_edge.ticket import Array

_REPORT = "report.json"


@dataclass(frozen=True)
class Subject:
    """What to measure.

    Attributes:
        forms: form -> ONNX file, dense first.
        missing: form -> why there is none.
        inputs: real raw examples: input name -> array, batch axis first.
        outputs: form -> what its file gives for them here, or gave when it was packed, output by output.
        settings: how much is measured.
        results: the folder of results.
    """

    forms: Mapping[str, Path]
    missing: Mapping[str, str]
    inputs: Mapping[str, Array]
    outputs: Mapping[str, list[Array]]
    settings: BenchRecipe
    results: Path

    def batch(self, size: int) -> dict[str, Array]:
        """That many examples; they repeat where there are too few."""
        return {name: array[np.arange(size) % len(array)] for name, array in self.inputs.items()}


@contextmanager
def subject_of(path: Path, baseline: Path | None = None) -> Iterator[Subject]:
    """What lies at `path`: a run, or a package (its folder or its zip) with the dense model beside it.

    Raises:
        InputError: neither, a run that is not finished, a package without a baseline, or a baseline that does not fit.
        DamagedError: a file is missing or damaged.
    """
    is_zip = path.suffix == ".zip" and path.is_file()
    if path.is_dir() and (path / "run.json").exists():
        if baseline is not None:
            raise InputError(f"{path} is a run and has its own baseline", "leave --baseline away")
        yield _run(path)
    elif is_zip or (path / MANIFEST).exists():
        if baseline is None:
            message = f"{path} is a package: what is it measured against?"
            raise InputError(message, "name the dense model: --baseline dense.onnx")
        with unpacked(path) if is_zip else nullcontext(path) as folder:
            yield _package(folder, baseline, path.with_name(f"{path.stem}-{FOLDER}"))
    else:
        raise InputError(f"{path} is neither a run nor a package", "give the folder or the zip that lth-edge wrote")


def _run(folder: Path) -> Subject:
    if not (folder / _REPORT).exists():
        raise InputError(f"the run {folder} is not finished", "run the same command again")
    report = read_json(folder / _REPORT)
    forms = {form["name"]: folder / "files" / form["file"] for form in report["forms"]}
    settings = Recipe.from_toml(folder / "recipe.toml").bench
    manifest = verify_package(folder / "package").manifest
    vector = _vector(folder / "package", manifest)
    return _subject(forms, report["missing_forms"], vector, manifest.form, settings, folder / FOLDER)


def _package(folder: Path, baseline: Path, results: Path) -> Subject:
    if not baseline.is_file():
        raise InputError(f"there is no model file {baseline}", "check the path")
    manifest = verify_package(folder).manifest
    if tensors(baseline) != (manifest.inputs, manifest.outputs):
        raise InputError(
            f"{baseline} has other inputs or outputs than the package", "give the model that it was made from"
        )
    forms = {BASELINE: baseline}
    if manifest.form != BASELINE:
        forms[manifest.form] = folder / manifest.model
    if manifest.fallback != manifest.model:
        forms["ticket"] = folder / manifest.fallback
    # The fallback of the sparse form is ticket.onnx; the table has it first.
    ordered = {form: forms[form] for form in (BASELINE, "int8", "ticket", SPARSE) if form in forms}
    return _subject(ordered, {}, _vector(folder, manifest), manifest.form, BenchRecipe(), results)


def _vector(folder: Path, manifest: Manifest) -> Vector:
    return Vector.load(folder / manifest.test_vector.file, manifest.inputs, manifest.outputs)


def _subject(
    forms: Mapping[str, Path],
    missing: Mapping[str, str],
    vector: Vector,
    recorded: str,
    settings: BenchRecipe,
    results: Path,
) -> Subject:
    for path in forms.values():
        if not path.is_file():
            raise DamagedError(f"{path} is missing", "it may come from an interrupted copy: copy it again")
    outputs = {form: list(session(path).run(None, dict(vector.inputs))) for form, path in forms.items()}
    outputs[recorded] = list(vector.outputs.values())
    return Subject(forms, missing, vector.inputs, outputs, settings, results)
