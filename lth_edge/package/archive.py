"""A package as one zip: written the same to the byte each time, read without trusting a word of it."""

import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lth_edge.errors import DamagedError, LthEdgeError
from lth_edge.files import storage_errors, whole_file
from lth_edge.package.fields import MEND, is_plain_name
from lth_edge.package.manifest import MANIFEST, SUMS, Manifest

# zip's first day: no clock gets into the bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3

# protobuf ends at 2 GiB, and a package holds two models at most.
_LARGEST_PACKAGE = 4 << 30
_LARGEST_MANIFEST = 16 << 20


def write_zip(folder: Path, path: Path) -> None:
    """Pack the files of `folder` and below into a zip, whole or not at all, the same bytes for the same files."""
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _DATE)
            entry.create_system = _UNIX
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a temporary folder with the files of a package's zip, gone when the block ends.

    Names, kinds and sizes of all entries are checked before the first byte is written.

    Raises:
        DamagedError: not a zip, or one that no package writer made.
    """
    with tempfile.TemporaryDirectory(prefix="lth-edge-") as name:
        folder = Path(name)
        _unpack(path, folder)
        yield folder


def _unpack(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(path, entries)
            _check_sizes(path, entries, Manifest.from_json(archive.read(MANIFEST)))
            with storage_errors(folder):
                archive.extractall(folder)
    except LthEdgeError:
        raise
    except Exception as error:  # hostile bytes make zipfile raise nearly anything
        raise DamagedError(f"{path} is not a readable zip: {error!a}", MEND) from error


def _check_entries(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    for entry in entries:
        reason = _refusal(entry, seen)
        if reason:
            raise DamagedError(f"{path} has an entry {entry.filename!a} that {reason}", "do not unpack it; get it anew")
        seen.add(entry.filename.casefold())
    if MANIFEST not in seen:
        raise DamagedError(f"{path} has no {MANIFEST}: it is not a package", "give the zip that lth-edge wrote")


def _refusal(entry: zipfile.ZipInfo, seen: set[str]) -> str:
    """Why an entry is refused; empty where it is not."""
    if not is_plain_name(entry.filename) or entry.filename != entry.orig_filename:
        return "is no plain file name and may reach outside its folder"
    if entry.filename.casefold() in seen:
        return "comes twice"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "is a link or another special file"
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return "is packed in an unknown way"
    if entry.filename in {MANIFEST, SUMS} and entry.file_size > _LARGEST_MANIFEST:
        return f"claims {entry.file_size} bytes"
    return ""


def _check_sizes(path: Path, entries: list[zipfile.ZipInfo], manifest: Manifest) -> None:
    for entry in entries:
        if entry.filename in {MANIFEST, SUMS}:
            continue
        if entry.filename not in manifest.files:
            raise DamagedError(f"{path} has a file {entry.filename} that the manifest does not list", MEND)
        expected = manifest.files[entry.filename].bytes
        if entry.file_size != expected:
            raise DamagedError(
                f"{path}: {entry.filename} claims {entry.file_size} bytes where the manifest says {expected}",
                MEND,
            )
    total = sum(entry.file_size for entry in entries)
    if total > _LARGEST_PACKAGE:
        raise DamagedError(f"{path} unpacks to {total} bytes, more than any package", "do not unpack it; get it anew")
