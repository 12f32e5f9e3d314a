"""A machine that models are measured on: this one, or one behind ssh."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lth_edge.errors import DeviceError


class Unreachable(DeviceError):
    """The device does not answer, or no longer: asking again later may help."""


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes


class Target(Protocol):
    """What devices have in common. Every method raises `DeviceError` where the machine cannot be reached or is full.

    Attributes:
        name: what people call it: `local`, a name from the devices file, or an address such as `pi@host`.
        address: where it is: `local` or `ssh:user@host:port`.
        python: the Python to run there.
        emulated: declared to be no real device.
    """

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def python(self) -> str: ...

    @property
    def emulated(self) -> bool: ...

    def run(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 60) -> Done:
        """Run a command, an argument list that no shell of ours ever joins; `timeout` in seconds."""

    def put(self, files: Mapping[str, Path], folder: str) -> None:
        """Copy files there: path below `folder` -> file here. Folders are made; each file appears whole or not."""

    def get(self, folder: str, names: Sequence[str], into: Path) -> None:
        """Copy files from there into a folder here."""


class LocalTarget:
    """This machine."""

    name = address = "local"
    python = sys.executable
    emulated = False

    def run(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 60) -> Done:
        try:
            done = subprocess.run(list(command), input=stdin, capture_output=True, timeout=timeout, check=False)
        except FileNotFoundError as error:
            raise DeviceError(f"this machine has no {command[0]}", "install it") from error
        except subprocess.TimeoutExpired as error:
            raise DeviceError(f"{command[0]} did not end within {timeout:g} s", "see what keeps it") from error
        return Done(done.returncode, done.stdout, done.stderr)

    def put(self, files: Mapping[str, Path], folder: str) -> None:
        for name, file in files.items():
            _copy(file, Path(folder) / name)

    def get(self, folder: str, names: Sequence[str], into: Path) -> None:
        for name in names:
            _copy(Path(folder) / name, into / name)


def _copy(source: Path, to: Path) -> None:
    part = to.with_name(f".{to.name}.part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part)
        part.replace(to)
    except OSError as error:
        with suppress(OSError):  # where there can be no such file either
            part.unlink()
        raise DeviceError(f"cannot copy {source} to {to}: {error.strerror}", "make room, or check the path") from error
