"""The fields of what devices leave: numbers that may be "unknown", and lists that may be empty."""

from typing import ClassVar, Self

from lth_edge.errors import DamagedError
from lth_edge.package.fields import Fields

UNKNOWN = "unknown"
_LARGEST = 1e300


class DeviceFields(Fields):
    """An object in a file about a device; every method raises `DamagedError`, as those of `Fields` do."""

    mend: ClassVar[str] = "make it anew, or remove the file"

    def number(self, key: str) -> float:
        """A finite number from 0."""
        return float(self._checked(key, _is_number, "a number from 0"))

    def known(self, key: str) -> float | str:
        """A finite number, or "unknown"; temperatures may be below 0."""
        return self._checked(key, lambda v: v == UNKNOWN or _is_finite(v), f'a number or "{UNKNOWN}"')

    def signed(self, key: str) -> float:
        """A finite number."""
        return float(self._checked(key, _is_finite, "a number"))

    def positive(self, key: str) -> float:
        """A finite number above 0."""
        return float(self._checked(key, lambda v: _is_number(v) and v > 0, "a number above 0"))

    def numbers(self, key: str) -> list[float]:
        """Numbers, at least one."""
        return self._checked(key, _is_series, "a list of numbers")

    def series(self, key: str) -> list[list[float]]:
        """One list of numbers per process, at least one of each."""
        wanted = "a list of lists of numbers"
        return self._checked(key, lambda v: isinstance(v, list) and len(v) > 0 and all(map(_is_series, v)), wanted)

    def words(self, key: str) -> tuple[str, ...] | str:
        """A list of words, perhaps empty, or "unknown"."""
        return UNKNOWN if self.content.get(key) == UNKNOWN else self.texts(key)

    def plain(self, key: str) -> str | float | list[str | float]:
        """A printable text, a number, or a list of them."""
        wanted = "a text, a number or a list of them"
        return self._checked(key, lambda v: all(map(_is_plain, v if isinstance(v, list) else [v])), wanted)

    def rows(self, key: str) -> list[Self]:
        """A list of objects, perhaps empty."""
        return [] if self.content.get(key) == [] else self.objects(key)

    def named(self, key: str) -> dict[str, Self]:
        """An object of objects, by name."""
        found = self._with_names(key)
        return {name: found.object(name) for name in found.content}

    def all_known(self, key: str, also: str = UNKNOWN) -> dict[str, float | str]:
        """An object of numbers by name; "unknown", and the word in `also`, may stand in for them."""
        found = self._with_names(key)
        words, wanted = {also, UNKNOWN}, f'a number from 0 or "{also}"'
        return {
            name: found._checked(name, lambda v: _is_word(v, words) or _is_number(v), wanted) for name in found.content
        }

    def all_texts(self, key: str) -> dict[str, str]:
        """An object of texts by name."""
        found = self._with_names(key)
        return {name: found.text(name) for name in found.content}

    def _with_names(self, key: str) -> Self:
        """An object whose names are shown: they must not steer a terminal."""
        found = self.object(key)
        for name in found.content:
            if not name.isprintable():
                raise DamagedError(f"{found.place} has the unprintable name {name!a}", self.mend)
        return found


def _is_word(value: object, words: set[str]) -> bool:
    return isinstance(value, str) and value in words


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST


def _is_plain(value: object) -> bool:
    return value.isprintable() if isinstance(value, str) else _is_finite(value)


def _is_number(value: object) -> bool:
    return _is_finite(value) and value >= 0  # type: ignore[operator]


def _is_series(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_is_number, value))
