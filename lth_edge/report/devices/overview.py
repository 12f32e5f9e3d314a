"""What is known of a run on devices: measured, emulated and estimated, each kept apart from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lth_edge.devices.device_file import FOLDER
from lth_edge.devices.estimated import SUFFIX, DeviceEstimate
from lth_edge.devices.result import DeviceResult
from lth_edge.errors import DamagedError, InputError
from lth_edge.files import file_hash
from lth_edge.report.devices.judge import Judged, judge
from lth_edge.report.report import Report
from lth_edge.report.sections import Content


@dataclass(frozen=True)
class Overview:
    """A run and its devices, in the order of their names.

    Attributes:
        report: the dict of the run's report.json.
        measured: real devices, with what follows from their figures.
        emulated: whose times and memory are an emulator's, and are not shown.
    """

    report: Content
    measured: tuple[Judged, ...]
    emulated: tuple[Judged, ...]
    estimates: tuple[DeviceEstimate, ...]

    @property
    def devices(self) -> tuple[Judged, ...]:
        """All that left a result, the real ones first."""
        return (*self.measured, *self.emulated)

    @classmethod
    def read(cls, run: Path) -> Self:
        """Read a run's report and everything in its devices/.

        Raises:
            InputError: the run is not finished, or nothing is known of any device.
            DamagedError: a file is damaged, of a newer lth-edge, or belongs to other files than the run's.
        """
        if not (run / "report.json").is_file():
            raise InputError(f"{run} holds no finished run", "give the folder that lth-edge compress wrote")
        report = Report.load(run / "report.json").content
        paths = sorted(path for path in (run / FOLDER).glob("[!.]*.json") if path.is_file())
        if not paths:
            raise InputError(
                f"{run} was measured on no device, and estimated for none",
                f"lth-edge bench {run} --on ssh:USER@HOST, or lth-edge estimate {run} --target pi4",
            )
        results = [DeviceResult.read(path) for path in paths if not path.name.endswith(SUFFIX)]
        for result in results:
            _check_belongs(result, report, run)
        estimates = [DeviceEstimate.read(path) for path in paths if path.name.endswith(SUFFIX)]
        _check_names(results)
        _check_names(estimates)
        judged = [judge(report, result) for result in results]
        return cls(
            report,
            tuple(found for found in judged if not found.result.emulated),
            tuple(found for found in judged if found.result.emulated),
            tuple(estimates),
        )


def _check_names(found: Sequence[DeviceResult | DeviceEstimate]) -> None:
    """A copy under another file's name would count a device twice."""
    files: dict[str, str] = {}
    for one in found:
        if other := files.get(one.name):
            raise DamagedError(f"{other} and {one.file} are both about {one.name!r}", "remove the older one")
        files[one.name] = one.file


def _check_belongs(result: DeviceResult, report: Content, run: Path) -> None:
    """Refuse figures of other files than the run has now: the run's accuracies would not be theirs."""
    known = {form["name"]: form for form in report["forms"] or []}
    for name, form in result.content["forms"].items():
        file = run / "files" / known[name]["file"] if name in known else None
        if file is None or _differs(form, known[name], file):
            again = f"lth-edge bench {run} --on {result.content['target']}"
            raise DamagedError(
                f"{result.file} measured another {name} than this run's ({form['file']})",
                f"measure it again: {again}, or remove {FOLDER}/{result.file}",
            )


def _differs(form: Mapping[str, Any], known: Mapping[str, Any], file: Path) -> bool:
    """By hash where the run still has the file, else by size."""
    if file.is_file():
        return bool(file_hash(file) != form["sha256"])
    return bool(known["bytes"] != form["bytes"])
