"""What was found last on each device: by `lth-edge doctor`, and by `lth-edge bench`; in the user's cache."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lth_edge.bench.machine import UNKNOWN
from lth_edge.devices.target import Target
from lth_edge.devices.targets import file_name
from lth_edge.errors import DamagedError
from lth_edge.files import read_json, write_json

CACHE = Path("~/.cache/lth-edge")
DOCTOR, BENCH = "doctor", "bench"


@dataclass(frozen=True)
class Seen:
    """A device and the last word on it; texts are empty where nothing was found yet.

    Attributes:
        board: what it is.
        verdict: the doctor's, and when.
        measured: when, how, and where the result lies.
    """

    name: str
    address: str
    board: str
    verdict: str
    measured: str


def remember(result: Mapping[str, Any], file: Path) -> None:
    """Keep what `seen` tells of a bench."""
    kept = {
        "name": result["name"],
        "target": result["target"],
        "when": result["started"],
        "kind": result["kind"],
        "model": _board(result["machine"]),
        "taints": len(result["taints"]),
        "result": str(file.resolve()),
    }
    write_json(_path(BENCH, result["name"]), kept)


def remember_diagnosis(diagnosis: Mapping[str, Any]) -> None:
    """Keep what the doctor found: name, target, when, verdict and facts."""
    write_json(_path(DOCTOR, diagnosis["name"]), diagnosis)


def seen(target: Target) -> Seen:
    """The last word on a device. What was found at another address under the same name does not count."""
    doctor, bench = (_read(kind, target) for kind in (DOCTOR, BENCH))
    board = bench.get("model", "") or _board(doctor.get("facts", {}))
    verdict = f"{doctor['verdict']}, {_minute(doctor.get('when'))}" if "verdict" in doctor else ""
    doubts = ", tainted" if bench.get("taints") else ""
    measured = f"{bench['kind']} {_minute(bench['when'])}{doubts}: {bench['result']}" if bench else ""
    return Seen(target.name, target.address, board, verdict, measured)


def _board(facts: Mapping[str, Any]) -> str:
    told = (facts.get(key, UNKNOWN) for key in ("model", "cpu"))
    return next((str(text) for text in told if text != UNKNOWN), "")


def _minute(when: object) -> str:
    """ISO 8601 without what is finer than a minute."""
    return str(when)[:16].replace("T", " ")


def _read(kind: str, target: Target) -> dict[str, Any]:
    try:
        found = read_json(_path(kind, target.name))
    except DamagedError:
        return {}
    return found if isinstance(found, dict) and found.get("target") == target.address else {}


def _path(kind: str, name: str) -> Path:
    return CACHE.expanduser() / kind / f"{file_name(name)}.json"
