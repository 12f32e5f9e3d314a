"""Measure on several devices at once, and keep what each gave: one JSON file a device."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from lth_edge.devices.bench import bench_on
from lth_edge.devices.last_seen import remember
from lth_edge.devices.result import DeviceResult
from lth_edge.devices.subject import Subject, subject_of
from lth_edge.devices.target import Target
from lth_edge.devices.targets import file_name
from lth_edge.errors import DeviceError, LthEdgeError, RecipeError
from lth_edge.recipe import BenchRecipe

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What one device gave.

    Attributes:
        path: of the result's file; None where there is none.
        result: its content, as `lth_edge.devices.result` describes it.
        error: why there is none.
    """

    name: str
    path: Path | None
    result: Mapping[str, Any] | None
    error: LthEdgeError | None


def bench_devices(
    path: Path,
    targets: Sequence[Target],
    *,
    baseline: Path | None = None,
    threads: Sequence[int] | None = None,
    processes: int | None = None,
    seconds: float | None = None,
    out: Path | None = None,
    say: Say,
) -> list[Outcome]:
    """Measure a run or a package on every target; one that fails does not keep the others from ending.

    Args:
        path: a run, or a package with `baseline`, the dense model that it came from.
        threads: numbers of onnxruntime threads; by default the run's own, as are processes and seconds.
        out: folder of the results; by default `devices` in the run, or beside the package.
        say: takes a line of news.

    Raises:
        InputError, DamagedError: the run or the package cannot be used.
        RecipeError: a number out of bounds, or two targets whose results would have one name.
    """
    if any(number < 1 for number in threads or ()):
        raise RecipeError("a number of threads is below 1", "such as --threads 1,4")
    names = [file_name(target.name) for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(f"two results would be called {name}.json", "give each device once")
    with subject_of(path, baseline) as subject:
        changes: dict[str, Any] = {"processes": processes, "seconds": seconds}
        settings = replace(subject.settings, **{key: value for key, value in changes.items() if value is not None})
        wanted = dict.fromkeys(threads or [settings.bench_threads])
        folder = out or subject.results
        measure = partial(_one, subject, settings, list(wanted), folder, say)
        begun = [_begin(measure, target) for target in targets]
        return [outcome.result() for outcome in begun]


def failure(outcomes: Sequence[Outcome]) -> LthEdgeError | None:
    """What went wrong, device by device; None where nothing did."""
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if len(errors) < 2:
        return errors[0] if errors else None
    return DeviceError(f"{len(errors)} devices gave no result\n" + "\n".join(map(str, errors)))


def _begin(measure: Callable[[Target], Outcome], target: Target) -> "Future[Outcome]":
    """In a thread that does not outlive the command: interrupted, it leaves the device to itself at once."""
    outcome: Future[Outcome] = Future()

    def run() -> None:
        try:
            outcome.set_result(measure(target))
        except BaseException as error:  # a defect is raised where the outcome is asked for
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return outcome


def _one(
    subject: Subject, settings: BenchRecipe, threads: Sequence[int], folder: Path, say: Say, target: Target
) -> Outcome:
    file = folder / f"{file_name(target.name)}.json"
    try:
        result = bench_on(target, subject, settings, threads, lambda text: say(f"{target.name}: {text}"))
        DeviceResult.write(result, file)
        remember(result, file)
    except LthEdgeError as error:
        return Outcome(target.name, None, None, error)
    return Outcome(target.name, file, result, None)
