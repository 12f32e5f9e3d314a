"""Everything that lth-edge raises on purpose, and the exit code each becomes.

    LthEdgeError                1   anything not named below
    ├── RecipeError             2   an option or a recipe that contradicts itself or names nothing known
    ├── InputError              3   a model, data set or weights that are missing, damaged or of the wrong kind
    ├── NoTicketError           4   the search ended with no ticket within tolerance; the curve is still written
    ├── ProofError              5   a file does not compute what it was made from does
    ├── DamagedError            6   an unreadable ONNX file; a ticket, package or run that does not match its hashes
    ├── StorageError            7   the disk is full or cannot be written
    ├── TrainingError           8   training itself failed: the loss is not finite
    └── DeviceError             9   a device that cannot be reached, is full, or cannot run what it was sent
                              130   interrupted (Ctrl-C); the same command goes on

The command line catches `LthEdgeError` alone: any other exception is a defect and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class LthEdgeError(Exception):
    """Base of the tree: a message for people, and what they can do about it.

    Args:
        message: what is wrong, naming the thing.
        mend: what to do about it; printed on its own line.
    """

    exit_code = 1

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend

    def __str__(self) -> str:
        return f"{self.message}\n  {self.mend}" if self.mend else self.message


class RecipeError(LthEdgeError):
    exit_code = 2


class InputError(LthEdgeError):
    exit_code = 3


class NoTicketError(LthEdgeError):
    exit_code = 4


class ProofError(LthEdgeError):
    exit_code = 5


class DamagedError(LthEdgeError):
    exit_code = 6


class StorageError(LthEdgeError):
    exit_code = 7


class TrainingError(LthEdgeError):
    exit_code = 8


class DeviceError(LthEdgeError):
    exit_code = 9


INTERRUPTED = 130


def reason(error: Exception) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def nearest(name: str, known: Iterable[str]) -> str:
    """A mend for an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    close = [longer for longer in names if len(name) > 1 and longer.startswith(name)][:1]
    close = close or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + ", ".join(names)
