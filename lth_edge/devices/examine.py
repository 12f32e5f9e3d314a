"""On the device: what it is, as a line of JSON on stdout. Any Python from 3.7 on reads this file, and needs no other.


bits        of a pointer: 32 where the system is, whatever the processor could
processor   as the system names it, such as aarch64
system      Linux, Darwin or Windows
python      version
glibc       version, "unknown" on another C library
model       of the board, "unknown" where it does not say
machine     as `lth_edge.bench.machine` tells it; {} where Python is too old to read that
"""

from __future__ import annotations

import json
import platform
import struct
from pathlib import Path
from typing import Any

UNKNOWN = "unknown"


def examine() -> dict[str, Any]:
    return {
        "bits": 8 * struct.calcsize("P"),
        "processor": platform.machine().lower() or UNKNOWN,
        "system": platform.system() or UNKNOWN,
        "python": platform.python_version(),
        "glibc": _glibc(),
        "model": _model(),
        "machine": _machine(),
    }


def _glibc() -> str:
    name, version = platform.libc_ver()
    return version if name == "glibc" and version else UNKNOWN


def _model() -> str:
    try:
        return Path("/proc/device-tree/model").read_text(errors="replace").strip("\0 \n") or UNKNOWN
    except OSError:
        return UNKNOWN


def _machine() -> dict[str, Any]:
    try:
        from lth_edge.bench.machine import machine
    except (SyntaxError, TypeError, AttributeError):  # a Python that does not know how its types are written
        return {}
    return machine()


if __name__ == "__main__":
    print(json.dumps(examine()))
