"""Whether a machine can run and speed up a package: what was found, judged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lth_edge.bench.machine import UNKNOWN
from lth_edge.devices import trial
from lth_edge.devices.board_agent import OLDEST_PYTHON
from lth_edge.devices.visit import Ended
from lth_edge.package.compatibility import PROVED_SINCE, as_numbers
from lth_edge.runtime.library import target_of

Verdict = Literal["ready", "limited", "unfit"]

_WORST_LAST: tuple[Verdict, ...] = ("ready", "limited", "unfit")
_SAFE_RELEASE = "1.22.1"
"""The oldest onnxruntime that was seen to run on Cortex-A53 and A72; 1.21.0 dies there."""
_RIGHT = 1e-4
"""Largest error of the trial, as a share of the largest output: kernels that are wrong are far off."""
_LIBRARIES = {trial.IMPORT_NUMPY: "numpy", trial.IMPORT_ONNXRUNTIME: "onnxruntime", trial.RUN_DENSE: "onnxruntime"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: was looked at.
        told: what was found.
        mend: what to do about it; "" where nothing need be done.
    """

    verdict: Verdict
    what: str
    told: str
    mend: str = ""

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


def overall(findings: Sequence[Finding]) -> Finding:
    """The worst finding, the first of its kind."""
    return max(findings, key=lambda finding: _WORST_LAST.index(finding.verdict))


def can_be_visited(facts: Mapping[str, Any]) -> bool:
    """Whether lth-edge's own code runs there at all."""
    return facts["bits"] == 64 and as_numbers(facts["python"])[:2] >= OLDEST_PYTHON


def judge_machine(facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge the machine and its Python.

    Args:
        facts: system, processor, bits, python and glibc, and more of what `devices.board` tells.
    """
    bits, emulator = facts["bits"], facts.get("emulator", "")
    name = target_of(facts["system"], facts["processor"])
    words = (facts.get("model"), facts.get("cpu"), name, f"{bits}-bit", _count(facts.get("cores")))
    told = ", ".join(dict.fromkeys(word for word in words if word not in {None, "", UNKNOWN}))
    if bits != 64:
        mend = "install a 64-bit system: onnxruntime and numpy have no wheels for 32 bits"
        yield Finding("unfit", "machine", told, mend)
    elif emulator:
        mend = "numbers are right there, times mean nothing: measure on the real machine"
        yield Finding("limited", "machine", f"{told}; no real one: {emulator}", mend)
    else:
        yield Finding("ready", "machine", told)
    held = {word for key in ("throttled", "throttled_since_boot") for word in _words(facts.get(key))}
    if held:
        mend = "give it a stronger power supply or more cooling: what is timed on it is too slow"
        yield Finding("limited", "power and heat", ", ".join(sorted(held)), mend)
    yield _judge_python(facts)


def _words(told: Any) -> Sequence[str]:
    """What holds a board back; nothing where it does not tell."""
    return told if isinstance(told, list) else ()


def judge_kernels(ended: Ended, facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge how `devices.trial` ended: onnxruntime, then the kernels."""
    step = next((line for line in reversed(ended.lines) if line in trial.STEPS), trial.IMPORT_NUMPY)
    sets = Finding("ready", "instruction sets", f"the kernels use {instruction_set(facts)}")
    version = ended.answer.get("onnxruntime") or facts["packages"]["onnxruntime"]
    if not ended.answer and step in _LIBRARIES:
        yield _broken(_LIBRARIES[step], step, ended, facts)
        return
    if version and _older(version, PROVED_SINCE):
        mend = f"pip install 'onnxruntime>={_SAFE_RELEASE}'"
        told = f"{version}: dense files run; tickets and kernels are proved from {PROVED_SINCE} on"
        yield Finding("limited", "onnxruntime", told, mend)
        return
    yield _judge_runtime(version, facts["packages"])
    if not ended.answer:
        told = f"{_how(ended)} {step}; ticket.onnx runs, not faster than dense"
        yield Finding("limited", "kernels", told, "install lth-edge again; if it stays so, report it")
        return
    yield sets
    error = ended.answer["error"]
    if not error <= _RIGHT:
        yield Finding("unfit", "kernels", f"off by {error:.1e} of the largest output", "report it, with this output")
        return
    yield Finding("ready", "kernels", f"load, run, and are off by {error:.1e} of the largest output at most")


def _judge_runtime(version: str, installed: Mapping[str, str]) -> Finding:
    lacking = [name for name, found in installed.items() if not found]
    if not lacking:
        return Finding("ready", "onnxruntime", version)
    told = f"not installed; tried with {version}, which bench brings along: lacks {' and '.join(lacking)}"
    return Finding("limited", "onnxruntime", told, f"on the machine: python3 -m pip install {' '.join(lacking)}")


def instruction_set(facts: Mapping[str, Any]) -> str:
    """What the kernels choose on this machine when they are loaded; `kernels/cpu/choose.cc` is the rule."""
    flags = set(facts["flags"])
    if facts["processor"] in {"aarch64", "arm64"}:
        return "NEON"
    if UNKNOWN in flags:
        return "the widest vectors that they find (the system does not list them)"
    if {"avx512f", "avx512bw", "avx512vl", "avx2"} <= flags:
        return "AVX-512"
    return "AVX2" if {"avx2", "fma", "f16c"} <= flags else "SSE2, the baseline of x86-64: no wider vectors were found"


def _judge_python(facts: Mapping[str, Any]) -> Finding:
    version, glibc = facts["python"], facts["glibc"]
    told = version if glibc == UNKNOWN else f"{version}, glibc {glibc}"
    if as_numbers(version)[:2] >= OLDEST_PYTHON:
        return Finding("ready", "Python", told)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return Finding("unfit", "Python", f"{told}: too old", f"install Python {oldest} or later there")


def _broken(library: str, step: str, ended: Ended, facts: Mapping[str, Any]) -> Finding:
    """numpy or onnxruntime is missing, or dies."""
    if any(f"No module named '{library}'" in line for line in ended.lines):
        return Finding("unfit", library, "is not installed", f"on the machine: python3 -m pip install {library}")
    version = facts["packages"][library] or "of unknown version"
    mend = f"on the machine: python3 -m pip install --upgrade {library}"
    if ended.signal == "SIGILL" and library == "onnxruntime":
        mend = f"1.21.0 dies so on Cortex-A53 and A72: python3 -m pip install 'onnxruntime>={_SAFE_RELEASE}'"
    return Finding("unfit", library, f"{version}: {_how(ended)} {step}", mend)


def _how(ended: Ended) -> str:
    """Of a process that failed: killed by what, or with which last words, while."""
    if ended.signal:
        return f"the process died ({ended.signal}) while"
    words = [line for line in ended.lines if line not in trial.STEPS]
    return f"failed ({words[-1] if words else f'exit code {ended.code}'}) while"


def _older(version: str, than: str) -> bool:
    return as_numbers(version) < as_numbers(than)


def _count(cores: Any) -> str:
    return f"{cores} core{'s' * (cores != 1)}" if isinstance(cores, int) else ""
