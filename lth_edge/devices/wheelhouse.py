"""numpy and onnxruntime for a device that has none, downloaded here to match its Python and its C library."""

import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from lth_edge.errors import DeviceError
from lth_edge.files import whole_folder

CACHE = Path("~/.cache/lth-edge/wheels")
WANTED = ("numpy", "onnxruntime>=1.22")
"""onnxruntime 1.21 dies of an illegal instruction on Cortex-A53 and A72."""
OLDEST = (1, 20)
"""The oldest onnxruntime that the sparse kernels are proved with."""
_DEADLY_ON_ARM = (1, 21, 0)
_OLDEST_GLIBC = 17


def fits(facts: Mapping[str, Any]) -> bool:
    """Whether what is installed on the device will do.

    Args:
        facts: as the agent's probe gives them.
    """
    installed = _numbers(facts["packages"]["onnxruntime"])
    if not facts["packages"]["numpy"] or installed < OLDEST:
        return False
    return facts["machine"] != "aarch64" or installed[:3] != _DEADLY_ON_ARM


def wheelhouse(facts: Mapping[str, Any]) -> tuple[str, list[Path]]:
    """The wheels that the device needs, and a key that names them; downloaded once.

    Raises:
        DeviceError: no wheels for such a device, or they cannot be downloaded.
    """
    tags = _tags(facts)
    key = sha256(" ".join([*WANTED, *tags]).encode()).hexdigest()[:12]
    folder = CACHE.expanduser() / key
    if not folder.exists():
        with whole_folder(folder) as temporary:
            _download(tags, temporary)
    return key, sorted(folder.glob("*.whl"))


def installed_bytes(wheels: list[Path]) -> int:
    """About what wheels take once they are unpacked, themselves included."""
    return 5 * sum(wheel.stat().st_size for wheel in wheels)


def _download(tags: list[str], folder: Path) -> None:
    download = "-m pip download --quiet --no-deps --only-binary=:all: --dest".split()
    words = [sys.executable, *download, str(folder), *tags, *WANTED]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
        raise DeviceError(
            f"no numpy and onnxruntime for the device can be had: {said[-1]}",
            "install both there by hand, or see that pip works here",
        )


def _tags(facts: Mapping[str, Any]) -> list[str]:
    """pip's options for the device: it must be told that a C library runs what was made for older ones."""
    major, minor, *_ = facts["python"]
    glibc = _numbers(facts["glibc"])
    if facts["system"] != "Linux" or len(glibc) < 2 or glibc[0] != 2:
        raise DeviceError(
            f"there are no wheels of onnxruntime for {facts['system']} without the GNU C library",
            "install numpy and onnxruntime there by hand",
        )
    platforms = [f"manylinux_2_{older}_{facts['machine']}" for older in range(glibc[1], _OLDEST_GLIBC - 1, -1)]
    return [f"--python-version={major}.{minor}", "--implementation=cp", *(f"--platform={name}" for name in platforms)]


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version; none of an unknown one."""
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
