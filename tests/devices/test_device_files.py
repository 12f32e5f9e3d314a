"""Results and estimates on disk: written whole, read back equal, refused with a reason where anything is off."""

import json
from pathlib import Path
from typing import Any

import pytest
from device_samples import device, emulated, estimate, silent, throttled

from lth_edge.devices.estimated import DeviceEstimate
from lth_edge.devices.result import DeviceResult
from lth_edge.errors import DamagedError


def read(content: Any, folder: Path, name: str = "pi5.json") -> DeviceResult:
    (folder / name).write_text(json.dumps(content))
    return DeviceResult.read(folder / name)


@pytest.mark.parametrize("make", [device, throttled, silent, emulated])
def test_a_written_result_reads_back_equal(make: Any, tmp_path: Path) -> None:
    content = make()
    written = DeviceResult.write(content, tmp_path / "devices" / "ssh-pi-host.json")
    assert [path.name for path in (tmp_path / "devices").iterdir()] == ["ssh-pi-host.json"]
    assert DeviceResult.read(tmp_path / "devices" / "ssh-pi-host.json") == written
    assert written.content == content


def test_what_a_reader_would_refuse_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="seconds"):
        DeviceResult.write(device(seconds=-1.0), tmp_path / "pi5.json")
    assert not list(tmp_path.iterdir())


def test_threads_come_smallest_first(tmp_path: Path) -> None:
    found = read(device(threads=(4, 1, 16)), tmp_path)
    assert found.threads == [1, 4, 16]
    assert found.measurements(4)["threads"] == 4


def test_a_newer_file_asks_for_a_newer_lth_edge(tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="schema version 2, this lth-edge reads 1") as raised:
        read(device() | {"schema_version": 2}, tmp_path)
    assert "update" in raised.value.mend


@pytest.mark.parametrize("content", [[], None, "x", {}, {"schema_version": 1}, {"target": "local"}])
def test_what_is_no_result_is_called_so(content: Any, tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match=r"pi5\.json is not what lth-edge leaves of a device"):
        read(content, tmp_path)


def test_half_a_file_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "pi5.json").write_text(json.dumps(device())[:-100])
    with pytest.raises(DamagedError, match="not valid JSON"):
        DeviceResult.read(tmp_path / "pi5.json")


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("kind",), "guessed", "kind"),
        (("name",), "pi\x1b[31m", "name"),
        (("taints",), "hot", "taints"),
        (("before", "temperature_c"), None, "before: temperature_c"),
        (("during", 3, "throttled"), 0, r"during\[3\]: throttled"),
        (("forms", "sparse", "sha256"), "abc", "forms: sparse: sha256"),
        (("forms", "sparse", "bytes"), 0, "forms: sparse: bytes"),
        (("runtime_bytes", "numpy"), "many", "runtime_bytes: numpy"),
        (("checked", "int8"), None, "checked: int8"),
        (("missing", "\x1b[31m"), "why", "unprintable name"),
        (("measurements",), {"many": {}}, "no number of threads"),
        (("measurements", "1", "latency", 0, "p50_us"), None, r"latency\[0\]: p50_us"),
        (("measurements", "1", "latency", 0, "form"), "ghost", "no form 'ghost'"),
        (("measurements", "1", "latency", 1, "speedup", "low"), 0, "low must be a number above 0"),
        (("measurements", "1", "raw", "memory_bytes"), {}, "memory_bytes has no 'dense'"),
        (("measurements", "1", "raw", "latency_us", "1", "sparse"), [[]], "sparse must be a list of lists"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(place: Any, value: Any, named: str, tmp_path: Path) -> None:
    content = device()
    at(content, place[:-1])[place[-1]] = value
    with pytest.raises(DamagedError, match=named) as raised:
        read(content, tmp_path)
    assert raised.value.mend


def test_without_dense_there_is_nothing_to_compare(tmp_path: Path) -> None:
    content = device()
    rows = content["measurements"]["1"]["latency"]
    content["measurements"]["1"]["latency"] = [row for row in rows if row["form"] != "dense"]
    with pytest.raises(DamagedError, match="dense was not measured"):
        read(content, tmp_path)
    del content["forms"]["dense"]
    with pytest.raises(DamagedError, match="dense was not measured"):
        read(content | {"measurements": {}}, tmp_path)


def test_an_estimate_reads_back(tmp_path: Path) -> None:
    (tmp_path / "pi4.estimate.json").write_text(json.dumps(estimate("pi4")))
    found = DeviceEstimate.read(tmp_path / "pi4.estimate.json")
    assert (found.name, found.content) == ("pi4", estimate("pi4"))


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("kind",), "measured", "kind"),
        (("method",), None, "method"),
        (("name",), 5, "name must be a printable text"),
        (("forms", "sparse", "low_us"), "fast", "forms: sparse: low_us"),
        (("speedup", "sparse", "high"), 0, "speedup: sparse: high"),
        (("schema_version",), 9, "schema version 9"),
    ],
)
def test_an_estimate_that_is_wrong_is_refused(place: Any, value: Any, named: str, tmp_path: Path) -> None:
    content = estimate("pi4")
    at(content, place[:-1])[place[-1]] = value
    (tmp_path / "pi4.estimate.json").write_text(json.dumps(content))
    with pytest.raises(DamagedError, match=named):
        DeviceEstimate.read(tmp_path / "pi4.estimate.json")


def at(content: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        content = content[key]
    return content
