"""Run a program, and kill it with SIGKILL right before its Nth step: python killed_at.py N PROGRAM STATE ARGUMENTS.

A step changes the disk below STATE or speaks to another process; Python's own audit events tell, and the program knows
nothing of it. Files written, or removed, one after another in one folder are one step.
"""

import os
import runpy
import signal
import sys
from pathlib import Path

CHANGES = {"os.rename", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "subprocess.Popen", "socket.connect"}


class Steps:
    """Counts steps, and ends the process before one of them."""

    def __init__(self, state: str, last: int) -> None:
        self._state, self._left, self._before = state, last, ()

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and self._writes(*arguments):
            path = Path(str(arguments[0]))
            step = (event, path if path.suffix == ".part" else path.parent)
        elif event in CHANGES:
            step = (event, None if event == "os.remove" and arguments[1] != -1 else repr(arguments))
        else:
            return
        self._left -= step != self._before
        self._before = step
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def _writes(self, path: object, mode: object, flags: object) -> bool:
        return self._state in str(path) and isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def main() -> None:
    last, program, sys.argv = int(sys.argv[1]), sys.argv[2], sys.argv[2:]
    sys.path.insert(0, str(Path(program).parent))
    sys.addaudithook(Steps(sys.argv[1], last))
    runpy.run_path(program, run_name="__main__")


main()
