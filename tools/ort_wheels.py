"""The onnxruntime wheels that lth-edge supports, each in a folder and tried in a process of its own. Needs an index."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

OLDEST = (1, 20)
_INDEX = [sys.executable, "-m", "pip", "index", "versions", "onnxruntime"]
_INSTALL = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target"]


def versions() -> list[str]:
    """The last release of each minor one, oldest first."""
    listed = subprocess.run(_INDEX, capture_output=True, text=True, check=True).stdout
    line = next(line for line in listed.splitlines() if line.startswith("Available versions:"))
    releases = [tuple(map(int, text.split("."))) for text in line.partition(":")[2].replace(" ", "").split(",")]
    last = {release[:2]: release for release in sorted(releases) if release >= OLDEST}
    return [".".join(map(str, release)) for release in last.values()]


def install(version: str, folder: Path) -> None:
    subprocess.run([*_INSTALL, str(folder), f"onnxruntime=={version}"], check=True)


def tried(version: str, folder: Path, trial: str, *arguments: str) -> list[Any]:
    """The list that a trial prints as JSON, the version first.

    Args:
        folder: where it is installed.
        trial: Python that has this onnxruntime and numpy.

    Returns:
        Version and what went wrong where it prints none.
    """
    environment = os.environ | {"PYTHONPATH": str(folder), "ORT_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", trial, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode == 0 and json.loads(done.stdout)[0] == version:
        return list(json.loads(done.stdout))
    last = (done.stderr or done.stdout).strip().splitlines()[-1:]
    return [version, f"failed with {done.returncode}: {''.join(last)}"]
