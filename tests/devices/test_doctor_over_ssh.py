"""`lth-edge doctor` on pretend Raspberry Pis: right and wrong are real there, time is not."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from command import lth_edge
from pretend_pi import PretendPi

StartPi = Callable[..., AbstractContextManager[PretendPi]]
WriteDevices = Callable[[PretendPi], Path]


@pytest.mark.usefixtures("home")
def test_a_pretend_pi_runs_the_kernels_and_is_labelled(start_pi: StartPi, devices: WriteDevices) -> None:
    with start_pi("pi4") as pi:
        done = lth_edge("doctor", "--model", "lenet-300-100", "--on", "pi", "--devices", devices(pi))
        assert done.code == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert words.startswith("limited: pi: machine Raspberry Pi 4 Model B")
    assert "emulated" in words and "the kernels use NEON" in words and "ready kernels load, run" in words
    assert "batch 1" not in words and " us " not in words  # no time of an emulated machine is told
    listed = lth_edge("devices", "--devices", devices(pi))
    assert "limited" in listed.stdout


@pytest.mark.usefixtures("home")
def test_a_32_bit_pi_is_unfit(start_pi: StartPi, devices: WriteDevices) -> None:
    with start_pi("pi3", machine="armv7l") as pi:
        done = lth_edge("doctor", "--on", "pi", "--devices", devices(pi))
    assert done.code == 9
    assert "32-bit" in done.stderr and "64-bit system" in done.stderr


def test_a_machine_that_is_not_there_is_told(home: Path) -> None:
    done = lth_edge("doctor", "--on", "ssh:nobody@127.0.0.1:1")
    assert done.code == 9 and "cannot be reached" in done.stderr
    assert not (home / ".cache" / "lth-edge" / "doctor").exists()
