"""Files and folders that appear whole or not at all."""

import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from lth_edge.errors import DamagedError, StorageError

_REFUSED = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG,
}  # fmt: skip
"""Errors of a place that cannot be written."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the disk refuses (full, read-only, no permission) into a `StorageError` naming `path`."""
    try:
        yield
    except Exception as error:
        number = _errno(error)
        if number in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise StorageError(f"no space left to write {path}", "free some space and run the same command") from error
        if number in _REFUSED:
            reason = os.strerror(number)
            raise StorageError(f"cannot write {path}: {reason}", "choose another folder with --out") from error
        raise


def _errno(error: Exception) -> int:
    """The system's error number, 0 where it is no error of the system's; safetensors has it in its message alone."""
    if isinstance(error, OSError):
        return error.errno or 0
    found = re.search(r"os error (\d+)", str(error))
    return int(found[1]) if found else 0


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it becomes `path` only when the block ends well."""
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _flush(temporary)
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it replaces `path` only when the block ends well.

    Of a link, the folder that it leads to is replaced.

    Raises:
        StorageError: besides what `storage_errors` says, `path` has no name of its own, as "." has none.
    """
    if path.name in {"", ".."}:
        raise StorageError(f"cannot write {path}: it has no name to be replaced by", "name a folder in it")
    path = path.resolve() if path.is_symlink() else path
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
        try:
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _flush(file)
            temporary.chmod(0o755)
            if path.exists():
                shutil.rmtree(path)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written in `folder` and below."""
    for left in list(folder.rglob(".*.tmp")):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """UTF-8; what has no place in it, half a surrogate pair say, becomes a question mark."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def read_json(path: Path) -> Any:
    """Read a JSON file that lth-edge wrote.

    Raises:
        DamagedError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise DamagedError(f"{path} is missing", "it may come from an interrupted copy: copy it again") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DamagedError(f"{path} is not valid JSON: {error}", "copy it again or make it anew") from error


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        digest = sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
