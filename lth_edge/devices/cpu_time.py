"""How much of the processors' time went to something else: what load averages tell too late and too coarsely.

It runs on the device.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from lth_edge.bench.machine import UNKNOWN, read_text

_IDLE, _IOWAIT = 3, 4
_COUNTED = 8
"""Columns of /proc/stat (proc_stat(5)) up to "steal"; what follows is counted in them already."""


@dataclass(frozen=True)
class CpuTime:
    """Seconds since the machine was started, over all cores.

    Attributes:
        total: idle time included.
        busy: of everybody, and what another guest of the same hardware took.
        own: of this process and of those that it waited for.
    """

    total: float
    busy: float
    own: float


def cpu_time(root: Path = Path("/")) -> CpuTime | None:
    """The time now; None where the system does not tell."""
    line = read_text(root / "proc/stat").partition("\n")[0].split()
    if len(line) <= _COUNTED or line[0] != "cpu":
        return None
    ticks = [int(column) for column in line[1 : _COUNTED + 1]]
    second = os.sysconf("SC_CLK_TCK")
    total, idle = sum(ticks), ticks[_IDLE] + ticks[_IOWAIT]
    return CpuTime(total / second, (total - idle) / second, sum(os.times()[:4]))


def other_work(before: CpuTime | None, after: CpuTime | None) -> float | str:
    """The share of all cores' time between two moments that was neither idle nor this process's, 0 to 1."""
    if before is None or after is None or after.total <= before.total:
        return UNKNOWN
    others = (after.busy - before.busy) - (after.own - before.own)
    return round(max(0.0, others) / (after.total - before.total), 3)
