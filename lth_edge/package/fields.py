"""A JSON object read field by field, where anything unexpected is damage and nothing else is raised."""

import re
from typing import Any, ClassVar, Self

from lth_edge.errors import DamagedError

MEND = "copy the package again or make it anew"

# Windows reads ":" as a drive and drops a trailing dot; a leading dot hides a file.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?")
_SHOWN = 60


def is_plain_name(name: str) -> bool:
    """Whether `name` stays inside its folder on every system: letters, digits, "_", "-" and single dots."""
    return _PLAIN_NAME.fullmatch(name) is not None and ".." not in name


class Fields:
    """An object of the manifest.

    Args:
        place: where it stands, for messages, such as "manifest.json: metric".
        content: what JSON held there.

    Attributes:
        mend: what to do about a damaged one.

    Raises:
        DamagedError: not an object. Every method raises it when the field is missing or of another kind.
    """

    mend: ClassVar[str] = MEND

    def __init__(self, place: str, content: object) -> None:
        if not isinstance(content, dict):
            raise DamagedError(f"{place} must be an object, not {_shown(content)}", self.mend)
        self.place = place
        self.content: dict[str, Any] = content

    def text(self, key: str) -> str:
        """Printable text: what is shown on a terminal must not steer it."""
        return self._checked(key, _is_text, "a printable text")

    def whole(self, key: str) -> int:
        """A whole number from 0 to 2^53, where every reader of JSON is still exact."""
        return self._checked(key, _is_whole, "a whole number from 0")

    def share(self, key: str) -> float:
        """A number above 0, up to 1."""
        return float(self._checked(key, _is_share, "a number above 0, up to 1"))

    def matching(self, key: str, pattern: str, wanted: str) -> str:
        return self._checked(key, lambda v: isinstance(v, str) and re.fullmatch(pattern, v) is not None, wanted)

    def file_name(self, key: str) -> str:
        return self._checked(key, lambda v: isinstance(v, str) and is_plain_name(v), "a plain file name")

    def object(self, key: str) -> Self:
        return type(self)(f"{self.place}: {key}", self._checked(key, lambda v: isinstance(v, dict), "an object"))

    def texts(self, key: str) -> tuple[str, ...]:
        wanted = "a list of printable texts"
        return tuple(self._checked(key, lambda v: isinstance(v, list) and all(map(_is_text, v)), wanted))

    def objects(self, key: str) -> list[Self]:
        items = self._checked(key, lambda v: isinstance(v, list) and len(v) > 0, "a list that is not empty")
        return [type(self)(f"{self.place}: {key}[{index}]", item) for index, item in enumerate(items)]

    def shape(self, key: str) -> tuple[int | None, ...]:
        """Axis lengths, null where an axis is free."""
        wanted = "a list of whole numbers and nulls"
        return tuple(self._checked(key, lambda v: isinstance(v, list) and all(map(_is_axis, v)), wanted))

    def _checked(self, key: str, holds: Any, wanted: str) -> Any:
        if key not in self.content:
            raise DamagedError(f"{self.place} has no {key!r}", self.mend)
        value = self.content[key]
        if not holds(value):
            raise DamagedError(f"{self.place}: {key} must be {wanted}, not {_shown(value)}", self.mend)
        return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_whole(value: object) -> bool:
    return type(value) is int and 0 <= value <= 2**53


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def _is_axis(value: object) -> bool:
    return value is None or _is_whole(value)


def _shown(value: object) -> str:
    """A value for a message: escaped, and short however long it is."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
