"""The other side of `deepsparse_worker.py`: DeepSparse as one more form that can be timed."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

_WORKER = Path(__file__).with_name("deepsparse_worker.py")


class DeepSparse:
    """A model in DeepSparse.

    Args:
        python: the interpreter of the environment that has it.
        model: an ONNX file, opset 16 at most.
        cores: that it may use.
    """

    def __init__(self, python: str, model: str, cores: int) -> None:
        self._process = subprocess.Popen(
            [python, str(_WORKER), model, str(cores)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )

    def load(self, inputs: list[str]) -> float:
        """Compile the model; returns milliseconds."""
        return float(self._ask({"load": inputs})["load_ms"])

    def time(self, runs: int) -> list[int]:
        """Nanoseconds of each run, taken inside its process."""
        return list(self._ask({"time": runs})["nanoseconds"])

    def outputs(self, folder: Path) -> list[Any]:
        return [np.load(file) for file in self._ask({"outputs": str(folder)})["files"]]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"DeepSparse stopped with exit code {self._process.wait()} at {request}")
        return dict(json.loads(answer))
