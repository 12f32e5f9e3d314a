"""What the machine can do, measured in every round of a benchmark: the roof over the kernels."""

from pathlib import Path
from typing import Any

from benchmarks.kernels.lines import Lines, second_cache_bytes
from benchmarks.kernels.native import build
from benchmarks.kernels.peak import Peak


class Roof:
    """The compiled loops.

    Args:
        folder: for them.
    """

    def __init__(self, folder: Path) -> None:
        self._peak, self._lines = Peak(build("peak", folder)), Lines(build("lines", folder))
        self._found: dict[str, list[Any]] = {"peak_gflops": [], "ceiling_gflops": [], "nonzero_ns": [], "line_ns": []}

    def measure(self) -> None:
        """Time every loop once."""
        self._found["peak_gflops"].append(round(self._peak.gflops(), 2))
        self._found["ceiling_gflops"].append(round(self._peak.gflops_from_nearest(), 2))
        self._found["nonzero_ns"].append(self._peak.nanoseconds_of_a_nonzero())
        self._found["line_ns"].append(self._lines.nanoseconds())

    def told(self) -> dict[str, Any]:
        """All that was measured, a number a round, and what the system says."""
        return self._found | {"second_cache_bytes": second_cache_bytes()}
