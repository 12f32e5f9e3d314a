"""The runtime wheel: lth-edge without training, for pip on a device (numpy and onnxruntime; no torch, no onnx).

It is lth-edge itself under a local version such as 0.1.0+runtime: an environment holds this one or the whole lth-edge,
as pip replaces either by the other and never lays the files of both over each other.
"""

import base64
import hashlib
import tempfile
from collections.abc import Iterator
from importlib.resources import files as packaged
from pathlib import Path

from lth_edge._version import __version__
from lth_edge.package.archive import write_zip
from lth_edge.package.source import Source
from lth_edge.runtime.library import TARGETS, library_path

VERSION = f"{__version__}+runtime"
MODULES = """
    __init__ _version arrays errors files packed runtime/__init__ runtime/library runtime/session package/__init__
    package/archive package/fields package/manifest package/replay package/runner package/verify
""".split()
LICENSES = {"LICENSE": "LICENSE-kernels.txt", "LICENSE-runner": "LICENSE-runner.txt"}

METADATA = f"""Metadata-Version: 2.4
Name: lth-edge
Version: {VERSION}
Summary: Run models packed by lth-edge: sessions with its sparse kernels, and checks of packages
License-Expression: Apache-2.0 AND MIT-0
License-File: LICENSE
License-File: LICENSE-runner
Requires-Python: >=3.11
Requires-Dist: numpy>=1.26
Requires-Dist: onnxruntime>=1.20

`lth_edge.session`, `lth_edge.library_path`, `lth_edge.verify_package`; the whole lth-edge trains, exports and converts.
"""
WHEEL = """Wheel-Version: 1.0
Generator: lth-edge
Root-Is-Purelib: true
Tag: py3-none-any
"""


def write_wheel(source: Source, folder: Path) -> None:
    """Write one wheel into `folder`, with the kernels of every target; the same bytes each time.

    Args:
        source: not looked into: the wheel runs every model.

    Raises:
        InputError: this installation lacks the kernels of a target.
    """
    content = dict(_content())
    note = f"lth_edge-{VERSION}.dist-info"
    listed = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in content.items())
    content[f"{note}/RECORD"] = f"{listed}{note}/RECORD,,\n".encode()
    with tempfile.TemporaryDirectory() as name:
        for path, data in content.items():
            file = Path(name) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        write_zip(Path(name), folder / f"lth_edge-{VERSION}-py3-none-any.whl")


def _content() -> Iterator[tuple[str, bytes]]:
    """Path in the wheel -> bytes, the record of them all still missing."""
    here, note = packaged("lth_edge"), f"lth_edge-{VERSION}.dist-info"
    for module in MODULES:
        yield f"lth_edge/{module}.py", (here / f"{module}.py").read_bytes()
    for target in TARGETS:
        library = library_path(target)
        yield f"lth_edge/kernels/lib/{target}/{library.name}", library.read_bytes()
    for name, file in LICENSES.items():
        yield f"{note}/licenses/{name}", (here / "package" / file).read_bytes()
    yield f"{note}/METADATA", METADATA.encode()
    yield f"{note}/WHEEL", WHEEL.encode()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
