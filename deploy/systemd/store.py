"""The releases on a device: which one serves, which one served before it, which one is on trial.

    STATE/releases/7/    a package, whole or not there at all
    STATE/current        link to the release that serves
    STATE/state.json     what is remembered beyond that

Each step is one rename, on disk before the next begins: wherever power goes, `current` names a whole release.

SPDX-License-Identifier: MIT-0
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


class Busy(Exception):
    """Another update holds the releases."""


@dataclass(frozen=True)
class State:
    """What is remembered.

    Attributes:
        highest: the last release that was confirmed or given up; 0 before the first.
        previous: the release to go back to.
        trial: the release that has been switched to, or is about to be, and is not confirmed yet.
    """

    highest: int = 0
    previous: int | None = None
    trial: int | None = None


class Store:
    """The folder of releases; one process at a time may change it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._releases = folder / "releases"
        self._link = folder / "current"
        self._remembered = folder / "state.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other update out.

        Raises:
            Busy: one is running.
        """
        self._releases.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy(f"another update of {self._folder} is running") from error
            yield

    def current(self) -> int | None:
        """The release that serves, None before the first."""
        try:
            return int(self._link.readlink().name)
        except FileNotFoundError:
            return None

    def state(self) -> State:
        try:
            return State(**json.loads(self._remembered.read_text()))
        except FileNotFoundError:
            return State()

    def remember(self, state: State) -> None:
        part = self._folder / "state.json.part"
        part.write_text(json.dumps(asdict(state)) + "\n")
        _sync(part)
        part.replace(self._remembered)
        _sync(self._folder)

    def switch(self, number: int) -> None:
        """Let a release serve: one rename, so there is no moment without one."""
        part = self._folder / "current.part"
        part.unlink(missing_ok=True)
        part.symlink_to(Path("releases") / str(number))
        part.replace(self._link)
        _sync(self._folder)

    @contextmanager
    def arriving(self, number: int) -> Iterator[Path]:
        """Yield an empty folder; it becomes that release only when the block ends well."""
        part = self._releases / f"{number}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield part
            for file in [*part.iterdir(), part]:
                _sync(file)
            place = self._releases / str(number)
            if place.exists():  # of an update that power ended, or a release from before a downgrade
                shutil.rmtree(place)
            part.rename(place)
            _sync(self._releases)
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def prune(self) -> None:
        """Remove all but the release that serves and the one to go back to."""
        kept = {str(self.current()), str(self.state().previous)}
        for folder in self._releases.iterdir():
            if folder.name not in kept:
                shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
