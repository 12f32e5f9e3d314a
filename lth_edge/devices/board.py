"""What a board tells of itself while it measures: clock, heat, throttling, load. What cannot be read is "unknown".

It runs on the device: Python 3.10, the standard library, and `lth_edge.bench.machine`.
"""

import os
import platform
import re
import struct
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lth_edge.bench.machine import (
    UNKNOWN,
    board_model,
    frequency_mhz,
    governor,
    load_average,
    machine,
    read_text,
)

# Bits of the firmware's answer (Raspberry Pi documentation, vcgencmd); the same 16 bits higher mean "since boot".
_THROTTLING = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
_SINCE_BOOT = 16
_FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
_OF_THE_CPU = ("cpu-thermal", "cpu_thermal", "soc-thermal", "x86_pkg_temp")

Words = list[str] | str
"""What holds, in words; "unknown" where the board does not tell."""


def board_facts(root: Path = Path("/")) -> dict[str, Any]:
    """What stays while the board runs, as the "machine" of a result.

    Args:
        root: where /proc, /sys and /etc lie.
    """
    return machine(root) | {
        "model": board_model(root) or UNKNOWN,
        "glibc": _glibc(),
        "bits": struct.calcsize("P") * 8,
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else UNKNOWN,
        "throttled_since_boot": throttling(root)[1],
    }


def board_state(root: Path = Path("/")) -> dict[str, Any]:
    """What changes: time (ISO 8601, UTC), governor, MHz, degrees Celsius, throttling, load, bytes of free memory."""
    now, since_boot = throttling(root)
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),  # noqa: UP017  of Python 3.11
        "governor": governor(root),
        "frequency_mhz": frequency_mhz(root),
        "temperature_c": temperature_c(root),
        "throttled": now,
        "throttled_since_boot": since_boot,
        "load": load_average(),
        "memory_available_bytes": _memory_available(root),
    }


def throttling(root: Path = Path("/")) -> tuple[Words, Words]:
    """What holds the board back now, and what has since it was started."""
    told = read_text(root / _FIRMWARE) or _vcgencmd("get_throttled").removeprefix("throttled=")
    try:
        bits = int(told, 16)
    except ValueError:
        return UNKNOWN, UNKNOWN
    return _words(bits), _words(bits >> _SINCE_BOOT)


def temperature_c(root: Path = Path("/")) -> float | str:
    """Of the processor, or of the first zone where none is called so."""
    zones = sorted((root / "sys/class/thermal").glob("thermal_zone*"))
    named = [zone for zone in zones if read_text(zone / "type") in _OF_THE_CPU]
    for zone in named or zones:
        if re.fullmatch(r"-?\d+", told := read_text(zone / "temp")):
            return int(told) / 1000
    return UNKNOWN


def emulator() -> str:
    """What runs this program in place of a processor of its kind; "" where nothing is known to.

    qemu tells its program of another machine than the kernel is made for.
    """
    kernel, claimed = read_text(Path("/proc/sys/kernel/arch")), platform.machine()
    if not kernel or kernel == claimed or (kernel, claimed) in {("x86_64", "i686"), ("aarch64", "armv8l")}:
        return ""
    return f"{claimed} emulated on {kernel}"


def _words(bits: int) -> list[str]:
    return [word for place, word in enumerate(_THROTTLING) if bits >> place & 1]


def _vcgencmd(question: str) -> str:
    """The answer of a Raspberry Pi's firmware; "" elsewhere."""
    try:
        done = subprocess.run(["vcgencmd", question], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _glibc() -> str:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ") or UNKNOWN
    except (AttributeError, OSError, ValueError):  # another C library, or another system
        return UNKNOWN


def _memory_available(root: Path) -> int | str:
    told = re.search(r"^MemAvailable:\s+(\d+) kB", read_text(root / "proc/meminfo"), re.MULTILINE)
    return int(told[1]) * 1024 if told else UNKNOWN
