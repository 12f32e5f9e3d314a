"""On the device: run a module that was shipped beside this file, in a process of its own.

    python start.py MODULE < job      a line of JSON on stdout: code, signal, emulated, stdout, stderr

A module may die of an instruction that its processor lacks. A connection tells such a death from its own poorly, so it
is told from here. Any Python from 3.7 on reads this file.
"""

from __future__ import annotations

import json
import os
import platform
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def apart(module: str) -> dict[str, Any]:
    """Run the module in a child that reads our stdin; what became of it."""
    command = [sys.executable, str(Path(__file__).absolute()), module, "here"]
    environment = dict(os.environ, ORT_DISABLE_TELEMETRY="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    emulator = emulated(platform.machine(), child.pid)
    out, err = child.communicate()
    return {
        "code": child.returncode,
        "signal": signal.Signals(-child.returncode).name if child.returncode < 0 else "",
        "emulated": emulator,
        "stdout": out.decode("utf-8", "replace"),
        "stderr": err.decode("utf-8", "replace"),
    }


def emulated(machine: str, process: int, root: Path = Path("/")) -> str:
    """What runs this process in place of a real processor, "" where nothing is known to.

    An emulator hides behind what the system says of the process itself, and not behind what it says of others.

    Args:
        machine: the processor that the system claims.
        process: the id of another process, emulated if this one is.
        root: where /proc and /sys lie.
    """
    try:
        runner = Path(os.readlink(root / "proc" / str(process) / "exe")).name  # noqa: PTH115  Path.readlink is of 3.9
    except OSError:
        runner = ""
    if runner.startswith("qemu-"):
        return runner
    try:
        kernel = (root / "sys/devices/system/cpu/modalias").read_text()
    except OSError:
        return ""
    alien = kernel.startswith("cpu:type:x86") and not machine.lower().startswith(("x86", "i386", "i686", "amd64"))
    return "an emulator on x86" if alien else ""


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(json.dumps(apart(sys.argv[1])))
    else:
        sys.argv = sys.argv[1:2]
        runpy.run_module(sys.argv[0], run_name="__main__")
