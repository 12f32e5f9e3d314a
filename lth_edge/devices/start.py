"""On the device: run a module that was shipped beside this file, in a process of its own.

    python start.py MODULE [SITE] < job      a line of JSON on stdout: code, signal, stdout, stderr

SITE is a folder of packages to import as well.

A module may die of an instruction that its processor lacks. A connection tells such a death from its own poorly, so it
is told from here. It needs nothing beside it.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

_HERE = "--here"


def apart(module: str, site: str = "") -> dict[str, Any]:
    """Run the module in a child that reads our stdin; what became of it."""
    command = [sys.executable, str(Path(__file__).absolute()), module, _HERE]
    environment = dict(os.environ, ORT_DISABLE_TELEMETRY="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    if site:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [site, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    return {
        "code": done.returncode,
        "signal": signal.Signals(-done.returncode).name if done.returncode < 0 else "",
        "stdout": done.stdout.decode("utf-8", "replace"),
        "stderr": done.stderr.decode("utf-8", "replace"),
    }


if __name__ == "__main__":
    if sys.argv[2:] == [_HERE]:
        sys.argv = sys.argv[1:2]
        runpy.run_module(sys.argv[0], run_name="__main__")
    else:
        print(json.dumps(apart(*sys.argv[1:])))
