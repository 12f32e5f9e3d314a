"""What was found on a machine, and what to expect of a model there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lth_edge.bench.wording import times
from lth_edge.devices.checkup import Finding, Verdict, overall
from lth_edge.devices.probe import FormTime
from lth_edge.devices.targets import file_name
from lth_edge.errors import DeviceError


@dataclass(frozen=True)
class Outlook:
    """What to expect of a model on the machine.

    Attributes:
        model: its name.
        threads: of onnxruntime.
        forms: dense first; empty where nothing was timed.
        sparsities: sparse form -> fraction of zeros.
        missing: form -> why there is none.
    """

    model: str
    threads: int
    forms: Sequence[FormTime]
    sparsities: Mapping[str, float]
    missing: Mapping[str, str]

    def finding(self) -> Finding:
        """Whether sparsity gains there, and from where on."""
        speedups = {self.sparsities[f.form]: f.speedup for f in self.forms if f.form in self.sparsities}
        faster = [sparsity for sparsity, speedup in speedups.items() if speedup["verdict"] == "faster"]
        if not faster:
            reach = f"up to {max(speedups):.0%} zeros" if speedups else "at the sparsities tried"
            told = f"{self.model} does not gain by sparse kernels {reach}"
            return Finding("limited", "speed", told, "ship int8.onnx, or ticket.onnx for its size")
        most = max(faster)
        told = f"{self.model} is {times(speedups[most]['median'])} faster than dense at {most:.0%} zeros"
        first = f", and faster from {min(faster):.0%} on" if len(faster) > 1 else ""
        return Finding("ready", "speed", told + first + self._beside_int8(speedups))

    def _beside_int8(self, speedups: Mapping[float, Mapping[str, Any]]) -> str:
        """Where int8 is overtaken: by the medians of both over dense."""
        int8 = next((form.speedup["median"] for form in self.forms if form.form == "int8"), None)
        if int8 is None:
            return ""
        ahead = [sparsity for sparsity, speedup in speedups.items() if speedup["median"] > int8]
        return f"; ahead of int8 from {min(ahead):.0%} on" if ahead else "; int8 is faster still"


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        name, address: of the machine.
        when: UTC, ISO 8601.
        facts: what the machine tells of itself.
        findings: in the order of looking.
        outlook: of the model asked about, `None` where there was none or it was not timed.
    """

    name: str
    address: str
    when: str
    facts: Mapping[str, Any]
    findings: Sequence[Finding]
    outlook: Outlook | None

    @property
    def verdict(self) -> Verdict:
        return overall(self.findings).verdict

    def to_dict(self) -> dict[str, Any]:
        """As `devices.last_seen` keeps it."""
        facts = {**self.facts, "findings": [finding.to_dict() for finding in self.findings]}
        if self.outlook is not None:
            facts["outlook"] = {
                "model": self.outlook.model,
                "threads": self.outlook.threads,
                "forms": [form.to_dict() for form in self.outlook.forms],
                "missing": dict(self.outlook.missing),
            }
        about = {"name": file_name(self.name), "target": self.address, "when": self.when}
        return {**about, "verdict": self.verdict, "facts": facts}

    def check(self) -> None:
        """Raise what is unfit.

        Raises:
            DeviceError: the machine cannot run a package.
        """
        worst = overall(self.findings)
        if worst.verdict == "unfit":
            raise DeviceError(f"{self.name} is unfit: {worst.what} {worst.told}", worst.mend)
