"""What a board tells of itself, read from files laid out as the pretend boards have them."""

from pathlib import Path

import pytest
from pretend_boards import BOARDS, board_files

from lth_edge.devices import board
from lth_edge.devices.board import board_facts, board_state, throttling
from lth_edge.devices.watch import Watch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of a Pi 4 at 48.3 degrees and 1.5 GHz, whose firmware tells of throttling in /sys."""
    files = board_files(BOARDS["pi4"], "aarch64") | {
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
        "sys/class/thermal/thermal_zone0/type": "gpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": "90000\n",
        "sys/class/thermal/thermal_zone1/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone1/temp": "48312\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
        "proc/meminfo": "MemTotal: 4000 kB\nMemAvailable: 3000 kB\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_state_of_a_pi(root: Path) -> None:
    state = board_state(root)
    assert state["frequency_mhz"] == 1500
    assert state["temperature_c"] == 48.312
    assert state["governor"] == "ondemand"
    assert state["throttled"] == state["throttled_since_boot"] == ["under-voltage", "throttled"]
    assert state["memory_available_bytes"] == 3000 * 1024


def test_a_board_is_named_by_its_device_tree(root: Path) -> None:
    assert board_facts(root)["model"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert board_facts(root)["bits"] == 64


def test_what_cannot_be_read_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    state = board_state(tmp_path)
    for key in ("governor", "frequency_mhz", "temperature_c", "throttled", "throttled_since_boot"):
        assert state[key] == "unknown"
    assert board_facts(tmp_path)["model"] == "unknown"


@pytest.mark.parametrize(("answer", "now"), [("throttled=0x0", []), ("throttled=0x4", ["throttled"]), ("?", "unknown")])
def test_vcgencmd_is_asked_where_files_do_not_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, now: object
) -> None:
    (tmp_path / "vcgencmd").write_text(f"#!/bin/sh\necho '{answer}'\n")
    (tmp_path / "vcgencmd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert throttling(tmp_path)[0] == now


@pytest.mark.parametrize(
    ("kernel", "claimed", "told"),
    [
        ("x86_64", "x86_64", ""),
        ("x86_64", "aarch64", "aarch64 emulated on x86_64"),
        ("aarch64", "armv8l", ""),
        ("", "aarch64", ""),
    ],
)
def test_an_emulator_is_found_by_the_kernel_beneath_it(
    monkeypatch: pytest.MonkeyPatch, kernel: str, claimed: str, told: str
) -> None:
    monkeypatch.setattr(board, "read_text", lambda path: kernel)
    monkeypatch.setattr(board.platform, "machine", lambda: claimed)
    assert board.emulator() == told


def test_the_board_is_looked_at_while_a_block_runs() -> None:
    with Watch(period=0.01) as watch:
        while len(watch.seen) < 3:
            pass
    times = [look["t"] for look in watch.seen]
    assert times == sorted(times)
    assert watch.seen[0].keys() == {
        "t", "frequency_mhz", "temperature_c", "throttled", "governor", "load", "memory_available_bytes"
    }  # fmt: skip
