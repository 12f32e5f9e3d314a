"""Times single runs on a machine that others use too; needs the standard library alone."""

import resource
from collections.abc import Callable
from time import perf_counter_ns, process_time_ns


def time_runs(run: Callable[[], object], runs: int, threads: int) -> list[int]:
    """Nanoseconds of each of `runs` runs, one after another.

    Wall time, as a user waits for it; but where the kernel gave the core to another process meanwhile, and there is a
    single thread, the time that this process had the core. On a busy machine a run of several milliseconds is hardly
    ever left alone, one of microseconds almost always is: by wall time alone, whatever is slow would look slower.
    """
    return [_time(run, threads) for _ in range(runs)]


def _time(run: Callable[[], object], threads: int) -> int:
    preemptions = _preemptions()
    own = process_time_ns()
    start = perf_counter_ns()
    run()
    wall = perf_counter_ns() - start
    own = process_time_ns() - own
    return min(wall, own) if threads == 1 and _preemptions() != preemptions else wall


def _preemptions() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
