"""`lth-edge doctor`: one honest minute on a machine before anything is trained for it."""

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lth_edge.bench.choice import BASELINE
from lth_edge.bench.inputs import save_feed
from lth_edge.bench.wording import change, kilobytes
from lth_edge.convert.model_file import save_model
from lth_edge.convert.trial_model import trial_model
from lth_edge.devices.checkup import Finding, judge_kernels, judge_machine, overall
from lth_edge.devices.diagnosis import Diagnosis, Outlook
from lth_edge.devices.probe import PROCESSES, probe
from lth_edge.devices.shipment import Ended, Shipment, shipment
from lth_edge.devices.target import Target
from lth_edge.errors import DeviceError, InputError
from lth_edge.runtime.library import machine_name
from lth_edge.prospect import Subject, write_forms

_EXAMINE, _TRIAL = "lth_edge.devices.examine", "lth_edge.devices.trial"
_EXAMINE_SECONDS, _TRIAL_SECONDS = 60.0, 300.0  # an emulated machine takes that long to import numpy
_STYLES = {"ready": "green", "limited": "yellow", "unfit": "red"}


def diagnose(target: Target, subject: Subject | None = None, threads: int = 1) -> Diagnosis:
    """Look at a machine, try the kernels there, and time a model in its forms.

    Args:
        threads: of onnxruntime while timing.

    Raises:
        DeviceError: the machine cannot be reached, is full, or has no Python.
    """
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with shipment(target) as shipped, tempfile.TemporaryDirectory(prefix="lth-edge-doctor-") as name:
        folder = Path(name)
        seen = shipped.run(_EXAMINE, {}, _EXAMINE_SECONDS)
        if not seen.answer:
            raise DeviceError(f"{target.name} does not say what it is: {' '.join(seen.lines[-1:])}", "see its Python")
        facts = {**seen.answer, "emulated": seen.emulated}
        findings = list(judge_machine(facts, seen.emulated))
        outlook = None
        if overall(findings).verdict != "unfit":
            findings += judge_kernels(_try_kernels(shipped, facts, folder), facts)
        if subject is not None and overall(findings).verdict != "unfit" and not seen.emulated:
            outlook = _look_ahead(shipped, subject, findings, threads, folder)
            findings.append(outlook.finding())
    return Diagnosis(target.name, when, facts, findings, outlook)


def _try_kernels(shipped: Shipment, facts: Mapping[str, Any], folder: Path) -> Ended:
    """Run the trial; where there are no kernels for the machine it says so itself."""
    model = trial_model()
    save_model(model.dense, folder / "trial.onnx")
    save_model(model.sparse, folder / "trial.sparse.onnx")
    inputs, outputs = save_feed(folder / "in.npz", model.inputs), save_feed(folder / "out.npz", model.outputs)
    with contextlib.suppress(InputError):
        shipped.put_kernels(machine_name(facts["system"], facts["processor"]))
    shipped.put({file: folder / file for file in ("trial.onnx", "trial.sparse.onnx", "in.npz", "out.npz")})
    job = {
        "dense": shipped.path("trial.onnx"),
        "sparse": shipped.path("trial.sparse.onnx"),
        "inputs": inputs | {"file": shipped.path("in.npz")},
        "outputs": outputs | {"file": shipped.path("out.npz")},
    }
    return shipped.run(_TRIAL, job, _TRIAL_SECONDS)


def _look_ahead(
    shipped: Shipment, subject: Subject, findings: Sequence[Finding], threads: int, folder: Path
) -> Outlook:
    kernels = any(finding.what == "kernels" and finding.verdict == "ready" for finding in findings)
    forms = write_forms(subject, kernels, folder)
    timed = probe(shipped, forms.paths, save_feed(folder / "inputs.npz", subject.feed), folder, threads)
    return Outlook(subject.name, threads, timed, forms.sparsities, forms.missing)


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Print the verdict, what it rests on, and what to expect of the model."""
    worst = overall(diagnosis.findings)
    if worst.verdict == "ready":
        headline = f"ready: {diagnosis.target} runs packages, sparse kernels included"
    else:
        headline = f"{worst.verdict}: {diagnosis.target}: {worst.what} {worst.told}"
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
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    grid.add_column(f"{outlook.model}, batch 1, {threads}", overflow="fold")
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
