"""Measure a run or a package on a device: ship, start, wait, fetch. It goes on there when the connection does not."""

import getpass
import json
import math
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lth_edge._version import __version__
from lth_edge.bench.measure import Measurements
from lth_edge.bench.samples import FootprintSamples, LatencySamples
from lth_edge.devices.board_agent import ask, probe
from lth_edge.devices.result import EMULATED, INFINITE, MEASURED
from lth_edge.devices.schema import SCHEMA_VERSION
from lth_edge.devices.shipment import Shipment, hashed, pack, send
from lth_edge.devices.subject import Subject
from lth_edge.devices.taints import taints
from lth_edge.devices.target import Target, Unreachable
from lth_edge.devices.targets import file_name
from lth_edge.devices.wheelhouse import fits, installed_bytes, wheelhouse
from lth_edge.errors import DeviceError
from lth_edge.files import file_hash
from lth_edge.package.replay import relative_error
from lth_edge.recipe import BenchRecipe
from lth_edge.runtime.library import target_of

PATIENCE = 60.0
"""Seconds without an answer after which a device that measures is left alone."""
_WAIT = 600
"""Seconds that one question waits for news; each costs the device a Python."""
_RETRY = 2.0

Say = Callable[[str], None]


def bench_on(
    target: Target, subject: Subject, settings: BenchRecipe, threads: Sequence[int], say: Say
) -> dict[str, Any]:
    """Measure all forms on a device.

    A job that is there already, from a call whose connection was lost, is waited for and fetched.

    Args:
        settings: processes, seconds and the batch size beside 1.
        threads: numbers of onnxruntime threads, measured one after the other.
        say: takes a line of news.

    Returns:
        The content of the device's result, as `lth_edge.devices.result` describes it.

    Raises:
        DeviceError: the device cannot be reached, is full, is in use, or cannot run this.
    """
    facts = probe(target)
    with tempfile.TemporaryDirectory(prefix="lth-edge-bench-") as name:
        folder = Path(name)
        shipment = pack(subject, settings, threads, target_of(facts["system"], facts["machine"]), folder)
        found = ask(target, "wait", id=shipment.id, stage="", seconds=0)
        if found["state"] not in {"running", "done"}:
            _check_free(target, facts["holder"])
            _start(target, shipment, facts, say)
        else:
            say("this bench is there already: fetching it")
        done = _await(target, shipment.id, say)
        result, outputs = _fetch(target, done, shipment, folder)
        _patiently(target, partial(ask, target, "clear", id=shipment.id))
    return _content(target, subject, shipment, settings, result, outputs)


def forget(target: Target) -> None:
    """Remove the cache from a device.

    Raises:
        DeviceError: it cannot be reached, or measures right now.
    """
    found = ask(target, "forget")
    if found["state"] == "held":
        _check_free(target, found["holder"])


def _check_free(target: Target, holder: Mapping[str, Any] | None) -> None:
    if holder is not None:
        who, since = holder.get("who", "someone"), holder.get("since", "an unknown time")
        raise DeviceError(f"{target.name} is in use: {who} measures on it since {since}", "wait until that has ended")


def _start(target: Target, shipment: Shipment, facts: Mapping[str, Any], say: Say) -> None:
    site = "" if fits(facts) else bring_runtime(target, facts, say)
    send(target, shipment.blobs, facts, say)
    who = {"who": f"{getpass.getuser()}@{platform.node()}", "since": datetime.now(UTC).isoformat(timespec="seconds")}
    code, key = shipment.code, shipment.code_key
    found = ask(target, "start", id=shipment.id, job=shipment.job, site=site, who=who, code=code, code_key=key)
    if found["state"] == "held":
        _check_free(target, found["holder"] or {})


def bring_runtime(target: Target, facts: Mapping[str, Any], say: Say) -> str:
    """The key of numpy and onnxruntime in the device's cache, brought there once."""
    key, wheels = wheelhouse(facts)
    if key not in facts["sites"]:
        say("numpy and onnxruntime are missing or too old: bringing them")
        blobs = hashed(wheels)
        send(target, blobs, facts, say, installed_bytes(wheels))
        ask(target, "install", timeout=600, key=key, hashes=list(blobs))
    return key


def _await(target: Target, job: str, say: Say) -> dict[str, Any]:
    stage = ""
    while True:
        ask_again = partial(ask, target, "wait", timeout=_WAIT + 60, id=job, stage=stage, seconds=_WAIT)
        found = _patiently(target, ask_again)
        if found["state"] == "done":
            return found
        if found["state"] != "running":
            raise DeviceError(
                f"measuring on {target.name} failed: {found.get('message', 'the job is gone')}", found.get("mend", "")
            )
        if found["stage"] != stage:
            stage = found["stage"]
            say(stage)


def _patiently(target: Target, step: Callable[[], Any]) -> Any:
    """What a step gives that may be taken twice; a device that measures may be slow to answer, or out of reach."""
    end = math.inf
    while True:
        try:
            return step()
        except Unreachable as error:
            end = min(end, time.monotonic() + PATIENCE)
            if time.monotonic() >= end:
                raise Unreachable(
                    f"{target.name} no longer answers; the bench goes on there ({error.message})",
                    "run the same command again later: it fetches the result",
                ) from error
            time.sleep(_RETRY)


def _fetch(
    target: Target, done: Mapping[str, Any], shipment: Shipment, folder: Path
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The device's result and the outputs by form, byte for byte as they are there."""
    _patiently(target, partial(target.get, done["folder"], list(done["files"]), folder))
    for name, digest in done["files"].items():
        if file_hash(folder / name) != digest:
            raise DeviceError(f"{name} came back damaged from {target.name}", "run the same command again")
    outputs = {}
    for form in shipment.job["forms"]:
        with np.load(folder / f"outputs-{form}.npz", allow_pickle=False) as arrays:
            outputs[form] = [arrays[name] for name in arrays.files]
    return json.loads((folder / "result.json").read_text()), outputs


def _content(
    target: Target,
    subject: Subject,
    shipment: Shipment,
    settings: BenchRecipe,
    found: Mapping[str, Any],
    outputs: Mapping[str, list[Any]],
) -> dict[str, Any]:
    kind = EMULATED if target.emulated or found["emulator"] else MEASURED
    result = {
        "schema_version": SCHEMA_VERSION,
        "target": target.address,
        "name": target.name,
        "kind": kind,
        "emulator": found["emulator"] or ("declared" if target.emulated else ""),
        **{key: found[key] for key in ("started", "seconds")},
        "lth_edge": __version__,
        **{key: found[key] for key in ("machine", "before", "after", "during", "other_work")},
        "forms": {form: _file(subject.forms[form], digest) for form, digest in shipment.job["forms"].items()},
        "missing": dict(shipment.missing),
        "runtime_bytes": found["runtime_bytes"],
        "measurements": {
            threads: _measurements(samples, replace(settings, bench_threads=int(threads)))
            for threads, samples in found["samples"].items()
        },
        "checked": {form: _error(outputs[form], subject.outputs[form]) for form in outputs},
    }
    return result | {"taints": taints(result)}


def _file(path: Path, digest: str) -> dict[str, Any]:
    # The dense model of a package may be called anything.
    return {"file": file_name(path.name), "bytes": path.stat().st_size, "sha256": digest}


def _measurements(samples: Mapping[str, Any], effort: BenchRecipe) -> dict[str, Any]:
    latency, footprint = LatencySamples(**samples["latency"]), FootprintSamples(**samples["footprint"])
    return Measurements.of(latency, footprint, effort).to_dict()


def _error(got: Sequence[Any], expected: Sequence[Any]) -> float | str:
    """Largest relative error over all outputs; JSON has no infinity."""
    error = max(relative_error(g, e) for g, e in zip(got, expected, strict=True))
    return error if math.isfinite(error) else INFINITE
