"""`lth-edge pack` and `unpack`: a package as the smallest download, and back, byte for byte."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lth_edge.codec.container import Given, is_update, read_base, read_container, write_container
from lth_edge.errors import DamagedError, InputError, ProofError, RecipeError
from lth_edge.files import storage_errors, whole_file, whole_folder
from lth_edge.package.archive import unpacked
from lth_edge.package.fields import MEND, is_plain_name
from lth_edge.package.manifest import MANIFEST
from lth_edge.package.verify import verify_package
from lth_edge.packed import is_packed

_LARGEST = 4 << 30


@dataclass(frozen=True)
class Packed:
    """What was packed or unpacked.

    Attributes:
        files: name -> bytes, unpacked.
        bytes: of the .lthe file.
        since_unneeded: an earlier version was given to a file that stands alone.
    """

    files: dict[str, int]
    bytes: int
    since_unneeded: bool = False

    def told_packed(self) -> str:
        """What became of the files, for people."""
        return f"{self._held()} in {self.bytes:,} ({sum(self.files.values()) / self.bytes:.1f}x smaller)"

    def told_unpacked(self) -> str:
        """What came out, for people."""
        alone = "; it stands alone: --since was not needed" if self.since_unneeded else ""
        return f"{self._held()} out of {self.bytes:,}{alone}"

    def _held(self) -> str:
        count = len(self.files)
        return f"{count} file{'s' if count != 1 else ''} of {sum(self.files.values()):,} bytes"


def pack(source: Path, out: Path, best: bool, since: Sequence[Path] = ()) -> Packed:
    """Write a .lthe file, whole or not at all; it is read back before it is there.

    Args:
        source: a package (its folder or zip), a run with one, or an ONNX file.
        best: the smallest file; else one that decodes about twice as fast.
        since: the .lthe file of an earlier version, which an update builds on; where this is an update too, then the
            files that it builds on itself.

    Raises:
        InputError: there is no such thing.
        RecipeError: the file would take the place of the source, of an earlier version or of another kind of file, or
            lie in the package.
        DamagedError: the package does not verify, or an earlier version is damaged.
        StorageError: the file cannot be written.
    """
    _check_place(out, source, since)
    files = _files(source)
    given = [_given(path) for path in since]
    base = None
    if given:
        with _told_of(since[0]):
            base = read_base(given[0], given[1:])
    content = write_container(files, best, base)
    if read_container(content, given) != files:
        raise ProofError(f"{out.name} would not give back {source}", "nothing was written; report it with the package")
    with whole_file(out) as temporary:
        temporary.write_bytes(content)
    return Packed({name: len(held) for name, held in files.items()}, len(content))


def unpack(source: Path, out: Path, since: Sequence[Path] = ()) -> Packed:
    """Write the files of a .lthe file into a folder, whole or not at all.

    Args:
        since: for an update the .lthe files that it builds on, in any order; a file that stands alone needs none.

    Raises:
        InputError: there is no such file, or an update builds on another.
        RecipeError: the folder holds other files.
        DamagedError: the file is none of ours, or damaged.
        StorageError: the folder cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RecipeError(f"{out} holds other files", "choose an empty folder with -o")
    content, given = _given(source).content, [_given(path) for path in since]
    with _told_of(source):
        files = read_container(content, given)
        _check_names(files)
    with whole_folder(out) as folder, storage_errors(out):
        for name, held in files.items():
            (folder / name).write_bytes(held)
    since_unneeded = bool(given) and not is_update(content)
    return Packed({name: len(held) for name, held in files.items()}, len(content), since_unneeded)


def _check_place(out: Path, source: Path, since: Sequence[Path]) -> None:
    if out.resolve() == source.resolve() or (out.parent / MANIFEST).exists():
        raise RecipeError(f"{out} would spoil what is to be packed", "give another name to -o")
    if out.resolve() in [path.resolve() for path in since]:
        raise RecipeError(f"{out} is the version that the update builds on", "give another name to -o")
    if out.is_file() and not is_packed(out):
        raise RecipeError(f"{out} is there, and is no .lthe file", "give another name to -o, or remove it")


def _given(path: Path) -> Given:
    if not path.is_file():
        raise InputError(f"there is no file {path}", "give a .lthe file that lth-edge pack wrote")
    if path.stat().st_size > _LARGEST:
        raise DamagedError(f"{path} is larger than any package", "do not unpack it; get it anew")
    return Given(path.name, path.read_bytes())


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Errors name the file."""
    try:
        yield
    except (DamagedError, InputError) as error:
        raise type(error)(f"{path}: {error.message}", error.mend) from error
    except MemoryError as error:
        raise DamagedError(f"{path} claims to hold more than fits into memory here", MEND) from error


def _files(source: Path) -> dict[str, bytes]:
    """Name -> content, of a package that verifies or of one model."""
    if source.is_file() and source.suffix == ".onnx":
        if not is_plain_name(source.name):
            raise InputError(f"{source.name!a} is not a plain file name", "rename it: letters, digits, '_', '-', '.'")
        return {source.name: source.read_bytes()}
    package = source / "package" if (source / "run.json").exists() else source
    if not package.exists():
        raise InputError(f"there is no package {package}", "give a run, a package or an ONNX file")
    if package.is_dir() and not (package / MANIFEST).exists():
        raise InputError(f"{package} is neither a run nor a package", "give the folder or zip that lth-edge wrote")
    verify_package(package)
    if package.is_dir():
        return _read(package)
    with unpacked(package) as folder:
        return _read(folder)


def _read(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}


def _check_names(files: Iterable[str]) -> None:
    for name in files:
        if not is_plain_name(name):
            raise DamagedError(f"it holds a file {name!a}, which is not a plain file name", MEND)
