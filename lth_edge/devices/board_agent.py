"""Ask a device: `lth_edge.devices.agent` is sent to its Python, with one line behind it that calls a verb."""

import json
from importlib.resources import files
from typing import Any

from lth_edge.devices.target import Target
from lth_edge.errors import DeviceError

_NOT_FOUND = 127
_NO_SPACE = "No space left on device"
OLDEST_PYTHON = (3, 10)
_NARROW = ("armv6l", "armv7l", "armhf", "i386", "i486", "i586", "i686")


def ask(target: Target, verb: str, timeout: float = 300, **asked: Any) -> dict[str, Any]:
    """What a verb of the agent answers.

    Args:
        timeout: in seconds; small boards take their time to hash large files, and ssh tells sooner of one that is gone.

    Raises:
        DeviceError: the device has no such Python, no room, or the agent fails there.
        Unreachable: it does not answer, or the connection ended first.
    """
    source = (files("lth_edge.devices") / "agent.py").read_text()
    call = f"\nprint(json.dumps({verb}(json.loads({json.dumps(asked)!r}))))\n"
    done = target.run([target.python, "-"], (source + call).encode(), timeout)
    if done.code == _NOT_FOUND:
        raise DeviceError(f"{target.name} has no {target.python}", "install it there: sudo apt install python3")
    said = done.stderr.decode(errors="replace").strip().splitlines()
    if done.code != 0:
        why = said[-1] if said else f"exit code {done.code}"
        if _NO_SPACE in why:
            raise DeviceError(f"{target.name} is full", "make room there (df -h), or: lth-edge bench --forget")
        raise DeviceError(f"{target.name} cannot {verb}: {why}", f"see that {target.python} works there")
    # A login shell may print a greeting first.
    try:
        return dict(json.loads(done.stdout.decode().strip().splitlines()[-1]))
    except (ValueError, IndexError) as error:
        raise DeviceError(
            f"{target.name} gave no answer that can be read", "see what its login shell prints"
        ) from error


def probe(target: Target) -> dict[str, Any]:
    """What the device is and has, once it is known that it can run a model at all.

    Raises:
        DeviceError: it cannot be reached, is a 32-bit one, or its Python is too old.
    """
    if narrow := narrow_machine(target):
        raise _too_narrow(target, narrow)
    found = ask(target, "probe")
    if found["bits"] < 64:
        raise _too_narrow(target, f"a {found['bits']}-bit Python")
    if tuple(found["python"]) < OLDEST_PYTHON:
        version, oldest = (".".join(map(str, numbers)) for numbers in (found["python"], OLDEST_PYTHON))
        mend = f"install {oldest} or later, and name it in the devices file"
        raise DeviceError(f"{target.name} has Python {version}", mend)
    return found


def narrow_machine(target: Target) -> str:
    """What the kernel of a 32-bit system calls its machine, "" for any other system; Python is not needed for it."""
    told = target.run(["uname", "-sm"]).stdout.decode(errors="replace").split()
    return told[-1] if told and told[-1] in _NARROW else ""


def _too_narrow(target: Target, what: str) -> DeviceError:
    return DeviceError(
        f"{target.name} is a 32-bit system ({what}): there is no onnxruntime for it",
        "install the 64-bit system; a Pi Zero 2 W, 3, 4 or 5 can run it",
    )
