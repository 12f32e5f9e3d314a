"""Timing before all other processes, where the system allows it."""

import os

import pytest

from benchmarks.kernels.undisturbed import NORMAL, REAL_TIME, undisturbed


@pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="this system has no such priorities")
def test_the_priority_is_given_back() -> None:
    before = os.sched_getscheduler(0)
    with pytest.raises(ZeroDivisionError), undisturbed() as priority:
        assert (os.sched_getscheduler(0) == os.SCHED_FIFO) == (priority == REAL_TIME)
        raise ZeroDivisionError
    assert os.sched_getscheduler(0) == before


def test_without_the_right_to_it_the_block_runs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse, raising=False)
    with undisturbed() as priority:
        assert priority == NORMAL
