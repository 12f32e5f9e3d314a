"""Write a package: a folder and its zip that hold all a device needs, each whole or not at all."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files as packaged
from pathlib import Path
from typing import Any

from lth_edge._version import __version__
from lth_edge.codec.expanded import has_stream
from lth_edge.errors import InputError, ProofError
from lth_edge.files import file_hash, storage_errors, whole_folder
from lth_edge.package.archive import write_zip
from lth_edge.package.compatibility import oldest_onnxruntime
from lth_edge.package.manifest import (
    MANIFEST,
    SUMS,
    FileRecord,
    Licenses,
    Manifest,
    Tensor,
    VectorRecord,
    sums,
)
from lth_edge.package.readme import readme
from lth_edge.package.replay import Vector, replay_error, tensors
from lth_edge.ticket import Array

MODEL, FALLBACK, VECTOR, README = "model.onnx", "fallback.onnx", "test_vector.npz", "README.md"


@dataclass(frozen=True)
class PackageContents:
    """What goes into a package; the fields named as in `Manifest` mean the same.

    Attributes:
        model: ONNX file of the form to ship.
        fallback: ONNX file of standard operators that computes the same, for devices that cannot load the
            model. The same file (or the same bytes) is stored once.
        libraries: target -> library of the kernels that `model` needs there; empty where it needs none.
        inputs: of the test vector: input name -> raw array, batch axis included.
        outputs: what they gave: output name -> array.
        opset, ir_version: stamped in `model`.
        license_weights, license_data: SPDX identifiers, or "unknown".
        tolerance: for replays anywhere, as a share of the largest output. Other processors sum in another
            order; int8 differs by whole quantisation steps on processors without dot-product instructions.
    """

    name: str
    created: str
    kind: str
    form: str
    model: Path
    fallback: Path
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    metric: Mapping[str, Any]
    opset: int
    ir_version: int
    recipe_hash: str
    labels: Sequence[str] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    license_weights: str = "unknown"
    license_data: str = "unknown"
    tolerance: float = 1e-4
    libraries: Mapping[str, Path] = field(default_factory=dict)


def zip_path(folder: Path) -> Path:
    """Where the zip of a package's folder lies: beside it."""
    return folder.with_name(folder.name + ".zip")


def write_package(folder: Path, contents: PackageContents) -> Manifest:
    """Write `folder`, replacing an older one, and its zip beside it.

    Raises:
        InputError: a model cannot be loaded, its tensors are not the vector's, or a text cannot be printed.
        ProofError: a model does not give the vector's outputs within the tolerance.
        StorageError: the disk is full or cannot be written.
    """
    inputs, outputs = _prove(contents)
    with storage_errors(folder):
        # Never an older zip beside a newer folder, wherever this is interrupted.
        zip_path(folder).unlink(missing_ok=True)
    with whole_folder(folder) as temporary:
        manifest = _fill(temporary, contents, inputs, outputs)
    write_zip(folder, zip_path(folder))
    return manifest


def _prove(contents: PackageContents) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The model's inputs and outputs, once both files have been shown to give the vector's outputs."""
    for text in _texts(contents):
        if not text.isprintable():
            raise InputError(f"{text!a} cannot be printed, so no package can carry it", "give a plain text")
    found = tensors(contents.model)
    names = tuple([tensor.name for tensor in side] for side in found)
    if names != (list(contents.inputs), list(contents.outputs)):
        raise InputError(f"the test vector must hold {names}, in this order", "record it from the file it goes with")
    if contents.libraries and file_hash(contents.model) == file_hash(contents.fallback):
        raise InputError(f"{contents.model} needs kernels, and is no fallback", "give one of standard operators")
    if tensors(contents.fallback) != found:
        raise InputError(f"{contents.fallback} has other inputs or outputs than {contents.model}", "export both alike")
    vector = Vector(contents.inputs, contents.outputs)
    for file in (contents.model, contents.fallback):
        error = replay_error(file, vector)
        if not error <= contents.tolerance:
            raise ProofError(f"{file} is off by {error:.2g} of the largest output on the test vector")
    return found


def _texts(contents: PackageContents) -> list[str]:
    named = [contents.name, contents.created, contents.kind, contents.form, contents.recipe_hash]
    return [*named, contents.license_weights, contents.license_data, *contents.labels]


def _fill(folder: Path, contents: PackageContents, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> Manifest:
    fallback = MODEL if file_hash(contents.model) == file_hash(contents.fallback) else FALLBACK
    shutil.copyfile(contents.model, folder / MODEL)
    if fallback != MODEL:
        shutil.copyfile(contents.fallback, folder / fallback)
    Vector(contents.inputs, contents.outputs).save(folder / VECTOR)
    copy_code(folder, contents.libraries)
    return seal(folder, _manifest(contents, inputs, outputs, fallback))


def copy_code(folder: Path, libraries: Mapping[str, Path]) -> None:
    """Put the runner and the libraries of these targets into a package's folder, each with its licence."""
    for target, path in libraries.items():
        shutil.copyfile(path, folder / library_name(target, path))
    (folder / "run.py").write_bytes((packaged("lth_edge.package") / "runner.py").read_bytes())
    copy_licenses(folder, kernels=bool(libraries))


def copy_licenses(folder: Path, kernels: bool) -> None:
    """The licence of the code that is generated, and that of the kernels where they come along."""
    for name in ("LICENSE-runner", *(["LICENSE-kernels"] if kernels else [])):
        (folder / name).write_bytes((packaged("lth_edge.package") / f"{name}.txt").read_bytes())


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Write the README, then the manifest with the hash of all that lies in `folder`, then the manifest's own."""
    vector = Vector.load(folder / manifest.test_vector.file, manifest.inputs, manifest.outputs)
    (folder / README).write_text(readme(manifest, vector.inputs), encoding="utf-8", newline="\n")
    manifest = replace(manifest, files=_records(folder))
    text = manifest.to_json()
    (folder / MANIFEST).write_bytes(text)
    (folder / SUMS).write_bytes(sums(text, manifest.files).encode("ascii"))
    return manifest


def library_name(target: str, path: Path) -> str:
    """All targets' libraries have one name where they are built, and lie in one folder here."""
    return f"{path.stem}-{target}{path.suffix}"


def _manifest(
    contents: PackageContents,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    fallback: str,
) -> Manifest:
    models = (contents.model, contents.fallback)
    ours = bool(contents.libraries) or any(has_stream(model.read_bytes()) for model in models)
    return Manifest(
        name=contents.name,
        created=contents.created,
        lth_edge=__version__,
        kind=contents.kind,
        form=contents.form,
        model=MODEL,
        fallback=fallback,
        inputs=inputs,
        outputs=outputs,
        labels=tuple(contents.labels),
        metric=contents.metric,
        opset=contents.opset,
        ir_version=contents.ir_version,
        oldest_onnxruntime=oldest_onnxruntime(contents.opset, contents.ir_version, ours),
        test_vector=VectorRecord(VECTOR, contents.tolerance),
        figures=contents.figures,
        recipe_hash=contents.recipe_hash,
        licenses=Licenses(contents.license_weights, contents.license_data),
        files={},
        libraries={target: library_name(target, path) for target, path in contents.libraries.items()},
    )


def _records(folder: Path) -> dict[str, FileRecord]:
    files = [file for file in sorted(folder.iterdir()) if file.name not in {MANIFEST, SUMS}]
    return {file.name: FileRecord(file_hash(file), file.stat().st_size) for file in files}
