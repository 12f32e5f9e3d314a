"""Where the library of sparse kernels lies, for this machine and for every other that it is built for."""

import platform
from pathlib import Path

from lth_edge.errors import InputError, nearest

_FOLDER = Path(__file__).parent.parent / "kernels" / "lib"
_NAMES = {
    "linux-x86_64": "liblth_edge.so",
    "linux-aarch64": "liblth_edge.so",  # Android too
    "macos-arm64": "liblth_edge.dylib",
    "macos-x86_64": "liblth_edge.dylib",
    "windows-x86_64": "lth_edge.dll",
}
_SYSTEMS = {"Linux": "linux", "Android": "linux", "Darwin": "macos", "Windows": "windows"}
TARGETS = tuple(_NAMES)
"""All that kernels are built for."""

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def library_path(target: str | None = None) -> Path:
    """The library to register in onnxruntime before a model with sparse layers is loaded.

    In C++ that is `SessionOptions::RegisterCustomOpsLibrary`, in Java `registerCustomOpLibrary`, in C#
    `RegisterCustomOpLibrary`; in Python `lth_edge.session` does it.

    Args:
        target: "linux-x86_64", "linux-aarch64" (Android too), "macos-arm64", "macos-x86_64" or "windows-x86_64"; None
            is this machine.

    Raises:
        InputError: there are no kernels for that target, or this installation lacks them.
    """
    name = this_machine() if target is None else target
    if name not in _NAMES:
        raise InputError(f"there are no sparse kernels for {name}", nearest(name, _NAMES))
    path = _FOLDER / name / _NAMES[name]
    if not path.is_file():
        raise InputError(
            f"this installation lacks the sparse kernels for {name}: there is no {path}",
            "install lth-edge again; in a working copy, run: python tools/build_kernels.py --target all",
        )
    return path


def this_machine() -> str:
    """The target that this machine is, whether or not there are kernels for it."""
    return target_of(platform.system(), platform.machine())


def target_of(system: str, machine: str) -> str:
    """The target that a machine is, by what Python's `platform` says there."""
    named = _SYSTEMS.get(system, system.lower())
    kind = _MACHINES.get(machine.lower(), machine.lower())
    return "macos-arm64" if (named, kind) == ("macos", "aarch64") else f"{named}-{kind}"
