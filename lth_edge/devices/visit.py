"""Run parts of lth-edge on a machine while someone waits, each in a process of its own that may die.

They lie in a temporary folder of the machine, which is removed in the end.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lth_edge.devices.shipment import CODE
from lth_edge.devices.target import Done, Target
from lth_edge.errors import DeviceError
from lth_edge.runtime.library import library_path

_PACKAGE = Path(__file__).parents[1]
_START = "start.py"
_CODE = (*CODE, "devices/examine.py", "devices/trial.py")
_MAKE_FOLDER = "import tempfile; print(tempfile.mkdtemp(prefix='lth-edge-'))"
_REMOVE_FOLDER = "import shutil, sys; shutil.rmtree(sys.argv[1], ignore_errors=True)"


@dataclass(frozen=True)
class Ended:
    """How a process on the machine ended.

    Attributes:
        code: its exit code.
        signal: what killed it, such as SIGILL, or "".
        answer: the JSON that it printed last; {} where it failed.
        lines: what it wrote to stderr.
    """

    code: int
    signal: str
    answer: dict[str, Any]
    lines: list[str]


@dataclass(frozen=True)
class Visit:
    """What lies on a machine for a while.

    Attributes:
        folder: there.
        site: a folder there that holds numpy and onnxruntime, "" where Python has them.
    """

    target: Target
    folder: str
    site: str

    def put(self, files: Mapping[str, Path]) -> None:
        """Copy files there: path below the folder -> file here."""
        self.target.put(files, self.folder)

    def put_kernels(self, machine: str) -> None:
        """Copy the kernels for a machine, such as linux-aarch64.

        Raises:
            InputError: there are none, or this installation lacks them.
        """
        library = library_path(machine)
        self.put({f"lth_edge/{library.relative_to(_PACKAGE).as_posix()}": library})

    def path(self, name: str) -> str:
        """Where a file of the folder lies there."""
        return f"{self.folder}/{name}"

    def run(self, module: str, job: Mapping[str, Any], timeout: float) -> Ended:
        """Run a shipped module on a job, for `timeout` seconds at most.

        Raises:
            DeviceError: the machine cannot be reached, or is not done in time.
        """
        command = [self.target.python, self.path(_START), module, *filter(None, [self.site])]
        done = self.target.run(command, stdin=json.dumps(job).encode(), timeout=timeout)
        told = _last_json(done.stdout)
        if done.code or told is None:
            raise DeviceError(f"{self.target.name} cannot run {module}: {_said(done)}", "see that its Python works")
        answer = _last_json(told["stdout"].encode()) if told["code"] == 0 else None
        lines = [line.strip() for line in told["stderr"].splitlines() if line.strip()]
        return Ended(told["code"], told["signal"], answer or {}, lines)


@contextmanager
def visit(target: Target, site: str = "") -> Iterator[Visit]:
    """Copy what runs on devices to a machine; it is gone when the block ends.

    Raises:
        DeviceError: the machine cannot be reached or is full.
    """
    made = target.run([target.python, "-c", _MAKE_FOLDER])
    if made.code:
        raise DeviceError(f"{target.name} has no folder for temporary files: {_said(made)}", "make room there")
    there = Visit(target, made.stdout.decode().splitlines()[-1].strip(), site)
    try:
        files = {f"lth_edge/{name}": _PACKAGE / name for name in _CODE}
        there.put({_START: _PACKAGE / "devices" / _START, **files})
        yield there
    finally:
        target.run([target.python, "-c", _REMOVE_FOLDER, there.folder])


def _last_json(text: bytes) -> dict[str, Any] | None:
    """The last line, where it is a JSON object; a custom operator may print on stdout as well."""
    lines = text.decode(errors="replace").splitlines()
    try:
        found = json.loads(lines[-1]) if lines else None
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _said(done: Done) -> str:
    lines = done.stderr.decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), f"exit code {done.code}")
