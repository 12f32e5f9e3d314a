"""Look at the board once a second while something else is measured. It runs on the device."""

import threading
import time
from types import TracebackType
from typing import Any

from lth_edge.devices.board import board_state

_KEPT = ("frequency_mhz", "temperature_c", "throttled", "governor", "load", "memory_available_bytes")
PERIOD = 1.0
"""Seconds."""


class Watch:
    """A block during which the board is looked at.

    Attributes:
        seen: one entry a second: seconds since the block began as "t", and what changes in a board.
    """

    def __init__(self, period: float = PERIOD) -> None:
        self.seen: list[dict[str, Any]] = []
        self._period = period
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        began = time.monotonic()
        while not self._over.is_set():
            t = time.monotonic() - began
            state = board_state()
            self.seen.append({"t": round(t, 2)} | {key: state[key] for key in _KEPT})
            # The next whole second: looking takes time of its own.
            self._over.wait(self._period - (time.monotonic() - began) % self._period)
