"""Time without other processes, on a machine that has some."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

NORMAL, REAL_TIME = "normal", "real-time"


@contextmanager
def undisturbed() -> Iterator[str]:
    """Run before all other processes, where the system lets us; threads that are made meanwhile do so too.

    Yields:
        the priority that the block has: `REAL_TIME`, or `NORMAL` where the system does not allow another.
    """
    try:
        before = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, PermissionError):  # not Linux, or no right to
        yield NORMAL
        return
    try:
        yield REAL_TIME
    finally:
        os.sched_setscheduler(0, *before)
