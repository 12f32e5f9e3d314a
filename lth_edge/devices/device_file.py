"""A JSON file about one device: it is checked field by field where it is read and where it is written."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lth_edge.files import read_json, write_json

FOLDER = "devices"
"""Where these files lie in the folder of a run."""


@dataclass(frozen=True)
class DeviceFile(ABC):
    """A checked file.

    Attributes:
        content: the dict of the file.
        file: its name.
    """

    content: dict[str, Any]
    file: str

    @staticmethod
    @abstractmethod
    def check(content: object, place: str) -> None:
        """Check every field that a report shows.

        Raises:
            DamagedError: the message names the place and the field.
        """

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            DamagedError: not JSON, of another kind or schema version, or a field is missing or wrong.
        """
        content = read_json(path)
        cls.check(content, path.name)
        return cls(content, path.name)

    @classmethod
    def write(cls, content: dict[str, Any], path: Path) -> Self:
        """Check a content and write it, whole or not at all; the path ends in the name made fit for a file.

        Raises:
            DamagedError: a field is missing or wrong.
            StorageError: it cannot be written.
        """
        cls.check(content, path.name)
        write_json(path, content)
        return cls(content, path.name)

    @property
    def name(self) -> str:
        return str(self.content["name"])
