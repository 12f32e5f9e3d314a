"""What travels to a device: files by their hash, none of them twice, and the job that names them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from lth_edge.bench.choice import SPARSE
from lth_edge.bench.inputs import Feed, save_feed
from lth_edge.bench.wording import kilobytes
from lth_edge.devices.board_agent import ask
from lth_edge.devices.ssh_errors import disk_full
from lth_edge.devices.subject import Subject
from lth_edge.devices.target import Target
from lth_edge.errors import DeviceError, InputError
from lth_edge.files import file_hash
from lth_edge.recipe import BenchRecipe
from lth_edge.runtime.library import library_path

CODE = (
    *"__init__.py _version.py errors.py".split(),
    *(f"bench/{name}.py" for name in "__init__ inputs machine null_graph process samples worker".split()),
    *(f"devices/{name}.py" for name in "__init__ board cpu_time job watch".split()),
    *(f"runtime/{name}.py" for name in "__init__ library session".split()),
)
"""The part of lth-edge that measures, the same there as here."""
_ROOM_LEFT = 4_000_000
"""Bytes that a job itself may write."""


@dataclass(frozen=True)
class Shipment:
    """A job and its files.

    Attributes:
        id: names the job: the same job has the same one.
        job: as `lth_edge.devices.job` reads it.
        code: path below a folder on PYTHONPATH -> hash.
        blobs: hash -> file here.
        missing: form -> why it is not measured.
    """

    id: str
    job: dict[str, Any]
    code: Mapping[str, str]
    blobs: Mapping[str, Path]
    missing: Mapping[str, str]

    @property
    def code_key(self) -> str:
        return _key(self.code)


def pack(subject: Subject, settings: BenchRecipe, threads: Sequence[int], machine: str, folder: Path) -> Shipment:
    """Gather a job for a device.

    Args:
        settings: processes, seconds and the batch size beside 1.
        machine: the device's kind, such as linux-aarch64: it decides which kernels go along.
        folder: for the files that are made here.
    """
    code = {f"lth_edge/{name}": Path(str(files("lth_edge") / name)) for name in CODE}
    forms, missing = dict(subject.forms), dict(subject.missing)
    try:
        library = library_path(machine)
        code[f"lth_edge/kernels/lib/{machine}/{library.name}"] = library
    except InputError as error:
        if forms.pop(SPARSE, None):
            missing[SPARSE] = error.message
    blobs: dict[str, Path] = {}
    job = {
        "forms": {form: _blob(path, blobs) for form, path in forms.items()},
        "batches": {
            str(size): _feed(folder / f"{size}.npz", subject.batch(size), blobs)
            for size in sorted({1, settings.bench_batch})
        },
        "vector": _feed(folder / "vector.npz", subject.inputs, blobs),
        "threads": list(threads),
        "processes": settings.processes,
        "seconds": settings.seconds,
    }
    hashes = {name: _blob(path, blobs) for name, path in code.items()}
    return Shipment(_key({"job": job, "code": hashes}), job, hashes, blobs, missing)


def send(
    target: Target, blobs: Mapping[str, Path], facts: Mapping[str, Any], say: Callable[[str], None], room: int = 0
) -> None:
    """Copy the files that the device lacks into its cache, and have it check their hashes.

    Args:
        blobs: hash -> file here.
        facts: as the agent's probe gives them.
        say: takes a line of news.
        room: bytes needed there beyond the files themselves.

    Raises:
        DeviceError: the device has no room for them, or they cannot be copied.
    """
    lacking = ask(target, "lacking", hashes=list(blobs))["hashes"]
    if not lacking:
        return
    size = sum(blobs[digest].stat().st_size for digest in lacking)
    needed = size + room + _ROOM_LEFT
    if facts["free_bytes"] < needed:
        raise disk_full(target.name, needed, facts["free_bytes"])
    say(f"copying {kilobytes(size)}")
    target.put({digest: blobs[digest] for digest in lacking}, f"{facts['cache']}/blobs")
    if ask(target, "lacking", hashes=lacking)["hashes"]:
        raise DeviceError(f"files did not arrive whole on {target.name}", "run the same command again")


def hashed(paths: Sequence[Path]) -> dict[str, Path]:
    """Hash -> file."""
    return {file_hash(path): path for path in paths}


def _feed(path: Path, feed: Feed, blobs: dict[str, Path]) -> dict[str, Any]:
    saved = save_feed(path, feed)
    return {"hash": _blob(path, blobs), "names": saved["names"]}


def _blob(path: Path, blobs: dict[str, Path]) -> str:
    digest = file_hash(path)
    blobs[digest] = path
    return digest


def _key(content: Any) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
