"""The release that answers, and the change to another while it does.

SPDX-License-Identifier: MIT-0
"""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Release:
    """A loaded release.

    Attributes:
        number: of the release.
        predict: the predictor of its run.py; threads may share it.
        manifest: its manifest.json.
    """

    number: int
    predict: Any
    manifest: dict[str, Any]


class Serving:
    """Follows the link to the current release: loads what it names, and lets it answer once it is loaded.

    Args:
        state: folder of the releases.
        threads: of onnxruntime.
    """

    def __init__(self, state: Path, threads: int) -> None:
        self._state, self._threads = state, threads
        self._wanted: int | None = None
        self._error = ""
        self.release: Release | None = None

    def follow(self) -> None:
        """Start to follow, in a thread of its own."""
        threading.Thread(target=self._follow, daemon=True).start()

    def health(self) -> dict[str, Any]:
        """What serves, what the link asks for, and whether the one is the other: ok, loading or failed."""
        release, wanted, error = self.release, self._wanted, self._error
        serves = release is not None and release.number == wanted
        status = "failed" if error else "ok" if serves else "loading"
        health: dict[str, Any] = {"status": status, "release": release and release.number, "wanted": wanted}
        if release:
            health |= {"name": release.manifest["name"], "file": release.predict.file}
        return health | ({"error": error} if error else {})

    def _follow(self) -> None:
        while True:
            wanted = self._linked()
            if wanted is None:
                self._error = "no release is installed yet"
            elif wanted != self._wanted:
                self._load(wanted)
            time.sleep(LOOK_EVERY_S)

    def _linked(self) -> int | None:
        try:
            return int((self._state / "current").readlink().name)
        except OSError:
            return None

    def _load(self, number: int) -> None:
        """The release before goes on answering until this one can, and where this one cannot; after a start too."""
        self._error, self._wanted = "", number
        if self.release and self.release.number == number:
            return
        try:
            self.release = self._loaded(number)
        except Exception as error:  # whatever is wrong with it, the one before must go on
            if self.release is None:
                with suppress(Exception):  # there is none before, or it does not load either
                    self.release = self._loaded(json.loads((self._state / "state.json").read_text())["previous"])
            self._error = f"release {number} does not load: {error}"

    def _loaded(self, number: int) -> Release:
        return load(self._state / "releases" / str(number), number, self._threads)


def load(folder: Path, number: int, threads: int) -> Release:
    """Check every hash of a package and load it through its own run.py, which was signed with it."""
    spec = importlib.util.spec_from_file_location(f"release_{number}", folder / "run.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} has no run.py")
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    run.check_hashes(folder)
    return Release(number, run.load(folder, threads), json.loads((folder / "manifest.json").read_text()))
