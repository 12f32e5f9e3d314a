"""How a packed file begins, and knowing one where one that is not packed is wanted."""

from pathlib import Path

from lth_edge.errors import InputError

MAGIC = b"\x89LTHE\r\n\x1a"


def is_packed(path: Path) -> bool:
    """Whether a file begins as those of `lth-edge pack` do; one that cannot be read does not."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def refuse_packed(path: Path) -> None:
    """Say what to do with a packed file.

    Raises:
        InputError: `path` is one.
    """
    if path.is_file() and is_packed(path):
        raise InputError(f"{path} is packed", f"unpack it first: lth-edge unpack {path} -o DIR")
