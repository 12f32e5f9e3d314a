"""Check a package on arrival: nothing missing, nothing added, every byte as written, outputs as recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lth_edge.errors import DamagedError, InputError, LthEdgeError
from lth_edge.files import file_hash
from lth_edge.package.archive import unpacked
from lth_edge.package.fields import MEND
from lth_edge.package.manifest import MANIFEST, SUMS, Manifest, sums
from lth_edge.package.replay import Vector, replay_error, tensors
from lth_edge.packed import refuse_packed
from lth_edge.runtime.library import library_path


@dataclass(frozen=True)
class Verified:
    """What was checked.

    Attributes:
        manifest: of the package.
        files: names of all files whose hash was checked.
        errors: file name of each model -> largest error of its replay, as a share of the largest output.
        skipped: file name of a model that needs kernels -> why it cannot be replayed on this machine.
    """

    manifest: Manifest
    files: tuple[str, ...]
    errors: Mapping[str, float]
    skipped: Mapping[str, str]


def verify_package(path: Path | str) -> Verified:
    """Verify a package, given as its folder or its zip.

    A model that needs kernels is replayed with those of this installation: nothing of a package's own is executed.
    Its `run.py` replays with the libraries that it brings.

    The hashes tell damage, not forgery: whoever can rewrite the files can rewrite the manifest.

    Raises:
        DamagedError: anything at all is wrong; it names the file.
        InputError: it is packed.
    """
    path = Path(path)
    if path.is_dir():
        return _verify_folder(path)
    if not path.is_file():
        raise DamagedError(f"there is no package {path}", "give the folder or the zip that lth-edge wrote")
    refuse_packed(path)
    with unpacked(path) as folder:
        return _verify_folder(folder)


def _verify_folder(folder: Path) -> Verified:
    if not (folder / MANIFEST).exists() and (folder / "package" / MANIFEST).exists():
        raise DamagedError(f"{folder} is a run, not a package", f"give {folder / 'package'}")
    manifest = _read_manifest(folder)
    _check_listing(folder, manifest)
    for name, record in manifest.files.items():
        file = folder / name
        if file.stat().st_size != record.bytes or file_hash(file) != record.sha256:
            raise DamagedError(f"{name} does not match its SHA-256 in {MANIFEST}", MEND)
    files = tuple(sorted({*manifest.files, MANIFEST}))
    skipped = _skipped(manifest)
    return Verified(manifest, files, _replay(folder, manifest, skipped), skipped)


def _skipped(manifest: Manifest) -> dict[str, str]:
    """The model, where this machine lacks the kernels that it needs; the fallback never."""
    if not manifest.libraries:
        return {}
    try:
        library_path()
    except InputError as error:
        return {manifest.model: error.message}
    return {}


def _read_manifest(folder: Path) -> Manifest:
    """The manifest, once SHA256SUMS has vouched for each of its bytes."""
    text, listed = _read(folder / MANIFEST), _read(folder / SUMS)
    manifest = Manifest.from_json(text)
    if listed != sums(text, manifest.files).encode("ascii"):
        raise DamagedError(f"{MANIFEST} and {SUMS} contradict each other: one of them is damaged", MEND)
    return manifest


def _read(file: Path) -> bytes:
    if not file.is_file():
        raise DamagedError(f"{file.name} is missing from the package", MEND)
    return file.read_bytes()


def _check_listing(folder: Path, manifest: Manifest) -> None:
    present, listed = {entry.name for entry in folder.iterdir()}, {*manifest.files, MANIFEST, SUMS}
    # Python leaves its own folder behind where run.py was imported, as the package's README says it may be.
    for name in sorted(present - listed - {"__pycache__"}):
        raise DamagedError(f"{name!a} is in the package but not in its manifest", "remove it if you put it there")
    for name in sorted(listed):
        if not (folder / name).is_file():
            raise DamagedError(f"{name} is missing from the package", MEND)


def _replay(folder: Path, manifest: Manifest, skipped: Mapping[str, str]) -> dict[str, float]:
    vector = Vector.load(folder / manifest.test_vector.file, manifest.inputs, manifest.outputs)
    names = [name for name in (manifest.model, manifest.fallback) if name not in skipped]
    return {name: _replay_one(folder, name, manifest, vector) for name in names}


def _replay_one(folder: Path, name: str, manifest: Manifest, vector: Vector) -> float:
    try:
        if tensors(folder / name) != (manifest.inputs, manifest.outputs):
            raise DamagedError(f"{name} has other inputs or outputs than {MANIFEST} says", MEND)
        error = replay_error(folder / name, vector)
    except LthEdgeError as problem:
        # One kind of error for the caller; a temporary folder's name says nothing to anyone.
        raise DamagedError(problem.message.replace(f"{folder}/", ""), problem.mend) from problem
    if not error <= manifest.test_vector.tolerance:
        raise DamagedError(
            f"{name} is off by {error:.2g} of the largest output on the test vector "
            f"(allowed: {manifest.test_vector.tolerance:.2g})",
            "this machine computes differently; try a newer onnxruntime, or make the package anew",
        )
    return error
