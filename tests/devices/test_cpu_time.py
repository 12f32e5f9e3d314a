"""How much of the processors' time went to something else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lth_edge.devices.cpu_time import CpuTime, cpu_time, other_work


def stat(root: Path, text: str) -> Path:
    (root / "proc").mkdir()
    (root / "proc" / "stat").write_text(text)
    return root


def test_time_is_read_over_all_cores(tmp_path: Path) -> None:
    second = os.sysconf("SC_CLK_TCK")
    columns = " ".join(str(second * number) for number in (10, 1, 5, 100, 3, 1, 1, 2, 7, 0))
    found = cpu_time(stat(tmp_path, f"cpu  {columns}\ncpu0 1 2 3\n"))
    assert found is not None
    assert (found.total, found.busy) == (123, 20)


@pytest.mark.parametrize("text", ["", "cpu0 1 2 3 4 5 6 7 8\n", "cpu 1 2\n"])
def test_what_does_not_tell_is_unknown(tmp_path: Path, text: str) -> None:
    assert cpu_time(stat(tmp_path, text)) is None
    assert other_work(None, CpuTime(1, 1, 1)) == "unknown"


def test_own_work_does_not_count() -> None:
    before = CpuTime(total=100, busy=50, own=1)
    assert other_work(before, CpuTime(total=110, busy=54, own=4)) == 0.1
    assert other_work(before, CpuTime(total=110, busy=50, own=4)) == 0
    assert other_work(before, before) == "unknown"


def test_a_process_that_was_waited_for_is_own_work() -> None:
    if (before := cpu_time()) is None:
        pytest.skip("this system has no /proc/stat")
    subprocess.run([sys.executable, "-c", "for _ in range(3_000_000): pass"], check=True)
    after = cpu_time()
    assert after is not None
    assert after.own > before.own + 0.02
