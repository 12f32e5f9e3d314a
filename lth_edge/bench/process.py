"""Start a worker and take its answer."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lth_edge.errors import LthEdgeError

_COMMAND = [sys.executable, "-m", "lth_edge.bench.worker"]
_THREAD_SETTINGS = ("OMP_", "GOMP_", "KMP_", "OPENBLAS_", "MKL_")


def run_worker(job: Mapping[str, Any]) -> dict[str, Any]:
    """Run one job of `lth_edge.bench.worker` in a fresh process.

    Raises:
        LthEdgeError: the worker failed; the message names the forms and the last line of its stderr.
    """
    done = subprocess.run(
        _COMMAND, input=json.dumps(job), capture_output=True, text=True, env=_environment(), check=False
    )
    if done.returncode != 0:
        raise LthEdgeError(
            f"measuring {_subject(job)} failed: {_reason(done)}", "see that the file runs in onnxruntime"
        )
    # A custom operator may print on stdout as well: the answer is the last line.
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _environment() -> dict[str, str]:
    """This environment, without what would move threads or time about inside a worker."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_THREAD_SETTINGS)}
    # What lies in the current folder must not be imported; Python 3.10, which devices may have, knows no such setting.
    kept["PYTHONSAFEPATH"] = "1"
    kept |= {"ORT_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    package = Path(__file__).parents[2]
    if package.name not in {"site-packages", "dist-packages"}:
        kept["PYTHONPATH"] = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
    return kept


def _subject(job: Mapping[str, Any]) -> str:
    return f"the {job['mode']} of " + ", ".join(form or "the empty graph" for form in job["forms"])


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit code {done.returncode}"
    if done.returncode >= 0:
        return last
    return f"{last} (stopped by {signal.Signals(-done.returncode).name}; is there enough memory?)"
