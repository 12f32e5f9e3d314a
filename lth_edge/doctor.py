"""`lth-edge doctor`: one honest minute on a machine before anything is trained for it."""

import contextlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lth_edge.bench.choice import BASELINE
from lth_edge.bench.inputs import save_feed
from lth_edge.bench.machine import UNKNOWN
from lth_edge.bench.wording import change, kilobytes
from lth_edge.convert.model_file import save_model
from lth_edge.convert.trial_model import trial_model
from lth_edge.devices.bench import bring_runtime, check_free, readable
from lth_edge.devices.board_agent import ask, narrow_machine
from lth_edge.devices.checkup import Finding, can_be_visited, judge_kernels, judge_machine, overall
from lth_edge.devices.diagnosis import Diagnosis, Outlook
from lth_edge.devices.probe import PROCESSES, probe
from lth_edge.devices.target import Target
from lth_edge.devices.visit import Ended, Visit, visit
from lth_edge.errors import DeviceError, InputError
from lth_edge.prospect import Prospect, write_forms
from lth_edge.runtime.library import target_of

_EXAMINE, _TRIAL = "lth_edge.devices.examine", "lth_edge.devices.trial"
_EXAMINE_SECONDS, _TRIAL_SECONDS = 60.0, 300.0  # an emulated machine takes that long to import numpy
_STYLES = {"ready": "green", "limited": "yellow", "unfit": "red"}


def diagnose(
    target: Target, prospect: Prospect | None = None, threads: int = 1, say: Callable[[str], None] = lambda line: None
) -> Diagnosis:
    """Look at a machine, try the kernels there, and time a model in its forms.

    Args:
        threads: of onnxruntime while timing.
        say: takes a line of news.

    Raises:
        DeviceError: the machine cannot be reached, is full, or has no Python.
    """
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with readable(target):
        told = ask(target, "probe")
    if narrow := narrow_machine(target):
        told |= {"machine": narrow, "bits": 32}
    check_free(target, told["holder"])
    facts = _facts(told)
    findings, outlook = [], None
    if can_be_visited(facts):
        with visit(target, _site(target, told, say)) as there, tempfile.TemporaryDirectory() as folder:
            facts |= _examine(there)
            findings = [*judge_machine(facts), *judge_kernels(_try_kernels(there, facts, Path(folder)), facts)]
            if prospect is not None and overall(findings).verdict != "unfit" and not facts["emulator"]:
                say(f"timing {prospect.name}")
                outlook = _look_ahead(there, prospect, findings, threads, Path(folder))
                findings.append(outlook.finding())
    else:
        findings = list(judge_machine(facts))
    return Diagnosis(target.name, target.address, when, facts, findings, outlook)


def _facts(told: Mapping[str, Any]) -> dict[str, Any]:
    """What the agent's probe told, as `devices.checkup` reads it."""
    return {
        "system": told["system"],
        "processor": told["machine"].lower(),
        "bits": told["bits"],
        "python": ".".join(map(str, told["python"])),
        "glibc": told["glibc"] or UNKNOWN,
        "packages": told["packages"],
    }


def _site(target: Target, told: Mapping[str, Any], say: Callable[[str], None]) -> str:
    """Where numpy and onnxruntime lie that were brought along, "" where the machine has its own, or none can be had."""
    if all(told["packages"].values()):
        return ""
    try:
        return f"{told['cache']}/site/{bring_runtime(target, told, say)}"
    except DeviceError as error:
        say(error.message)
        return ""


def _examine(there: Visit) -> dict[str, Any]:
    seen = there.run(_EXAMINE, {}, _EXAMINE_SECONDS)
    if not seen.answer:
        raise DeviceError(f"{there.target.name} does not say what it is: {' '.join(seen.lines[-1:])}", "see its Python")
    declared = "declared" if there.target.emulated else ""
    return seen.answer | {"emulator": seen.answer["emulator"] or declared}


def _try_kernels(there: Visit, facts: Mapping[str, Any], folder: Path) -> Ended:
    """Run the trial; where there are no kernels for the machine it says so itself."""
    model = trial_model()
    save_model(model.dense, folder / "trial.onnx")
    save_model(model.sparse, folder / "trial.sparse.onnx")
    inputs, outputs = save_feed(folder / "in.npz", model.inputs), save_feed(folder / "out.npz", model.outputs)
    with contextlib.suppress(InputError):
        there.put_kernels(target_of(facts["system"], facts["processor"]))
    there.put({file: folder / file for file in ("trial.onnx", "trial.sparse.onnx", "in.npz", "out.npz")})
    job = {
        "dense": there.path("trial.onnx"),
        "sparse": there.path("trial.sparse.onnx"),
        "inputs": inputs | {"file": there.path("in.npz")},
        "outputs": outputs | {"file": there.path("out.npz")},
    }
    return there.run(_TRIAL, job, _TRIAL_SECONDS)


def _look_ahead(there: Visit, prospect: Prospect, findings: Sequence[Finding], threads: int, folder: Path) -> Outlook:
    kernels = any(finding.what == "kernels" and finding.verdict == "ready" for finding in findings)
    forms = write_forms(prospect, kernels, folder)
    timed = probe(there, forms.paths, save_feed(folder / "inputs.npz", prospect.feed), folder, threads)
    return Outlook(prospect.name, threads, timed, forms.sparsities, forms.missing)


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Print the verdict, what it rests on, and what to expect of the model."""
    worst = overall(diagnosis.findings)
    if worst.verdict == "ready":
        headline = f"ready: {diagnosis.name} runs packages, sparse kernels included"
    else:
        headline = f"{worst.verdict}: {diagnosis.name}: {worst.what} {worst.told}"
    console.print(Text(headline, style=_STYLES[worst.verdict]), soft_wrap=True)
    console.print()
    console.print(_findings(diagnosis.findings))
    if diagnosis.outlook is not None:
        console.print()
        _print_outlook(diagnosis.outlook, console)


def _findings(findings: Sequence[Finding]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for finding in findings:
        grid.add_row(Text(finding.verdict, style=_STYLES[finding.verdict]), Text(finding.what), Text(finding.told))
        if finding.mend:
            grid.add_row("", "", Text(finding.mend, style="dim"))
    return grid


def _print_outlook(outlook: Outlook, console: Console) -> None:
    threads = "one thread" if outlook.threads == 1 else f"{outlook.threads} threads"
    console.print(Text(f"{outlook.model}, batch 1, {threads}"), soft_wrap=True)
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    grid.add_column("form", no_wrap=True)
    for title in ("latency", "over dense", "file"):
        grid.add_column(title, justify="right", no_wrap=True)
    for form in outlook.forms:
        gained = "" if form.form == BASELINE else change(form.speedup)
        grid.add_row(*map(Text, (form.form, f"{form.p50_us:,.0f} us", gained, kilobytes(form.bytes))))
    console.print(grid)
    lines = [f"no {form}: {why}" for form, why in outlook.missing.items()]
    lines.append(
        f"random zeros, the same share in every layer; medians over {PROCESSES} processes; what accuracy allows, "
        "lth-edge compress finds"
    )
    for line in lines:
        console.print(Text(line, style="dim"), soft_wrap=True)
