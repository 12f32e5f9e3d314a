"""The command line as users call it: inside this process where only its words matter, else as a process of its own."""

import contextlib
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lth_edge.cli import main

TINY = ("--model-arg", "hidden=48", "--steps", "200", "--levels", "3")
QUICK = ("--processes", "2", "--seconds", "0.05")


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> list[str]:
        """The error message, without the news before it."""
        lines = self.stderr.splitlines()
        first = next((i for i, line in enumerate(lines) if line.startswith(("lth-edge: ", "Error: "))), len(lines))
        return lines[first:]


@dataclass(frozen=True)
class Finished:
    """A run that came to its end.

    Attributes:
        folder: the run's folder.
        arguments: the command's, without `--out`.
        done: how it ended and what it said.
    """

    folder: Path
    arguments: tuple[str, ...]
    done: Done

    @cached_property
    def report(self) -> dict[str, Any]:
        return json.loads((self.folder / "report.json").read_text())

    @property
    def chosen(self) -> Path:
        """The folder of the chosen level."""
        return self.folder / f"seed-{self.report['chosen']['seed']}" / f"level-{self.report['chosen']['level']:02d}"


def lth_edge(*arguments: Any) -> Done:
    """Run the command in this process; an exception that is no exit code fails the test, as a traceback should."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    words = ["lth-edge", *map(str, arguments)]
    with patch.object(sys, "argv", words), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def start(*arguments: Any, **settings: Any) -> subprocess.Popen[str]:
    """Start the command as a process of its own."""
    command = [sys.executable, "-m", "lth_edge", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | settings
    return subprocess.Popen(command, text=True, **pipes)


def python(code: str) -> Done:
    """Run some Python in a fresh process."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)
