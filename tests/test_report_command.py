"""lth-edge report on a real run that was measured for real, and what it says when it cannot."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Done, Finished, lth_edge
from device_samples import device, estimate

from lth_edge.bench.machine import machine
from lth_edge.bench.measure import bench
from lth_edge.devices.result import DeviceResult
from lth_edge.files import file_hash
from lth_edge.recipe import BenchRecipe


@pytest.fixture(scope="module")
def measured(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run with what this machine measured of it, on one thread and on two."""
    run = tmp_path_factory.mktemp("measured") / "run"
    shutil.copytree(finished.folder, run)
    forms = {form["name"]: run / "files" / form["file"] for form in finished.report["forms"]}
    batches = {size: {"input": np.ones((size, 1, 8, 8), np.float32)} for size in (1, 8)}
    content = device("local", target="local", threads=())
    content["machine"] |= machine()
    content["forms"] = {
        form: {"file": path.name, "bytes": path.stat().st_size, "sha256": file_hash(path)}
        for form, path in forms.items()
    }
    content["measurements"] = {
        str(threads): bench(forms, batches, BenchRecipe(bench_threads=threads, processes=2, seconds=0.05)).to_dict()
        for threads in (1, 2)
    }
    content["checked"] = dict.fromkeys(forms, 0.0)
    content["missing"] = finished.report["missing_forms"]
    DeviceResult.write(content, run / "devices" / "local.json")
    return run


def test_a_measured_run_is_shown_and_written(measured: Path) -> None:
    done = lth_edge("report", measured)
    assert done.code == 0, done.stderr
    assert "mlp on digits: on devices: 1 measured" in done.stdout
    assert f"report:  {measured / 'devices.html'}" in done.stdout
    page, written = ((measured / name).read_text() for name in ("devices.html", "devices.md"))
    for text in (page, written):
        assert "recommendation" in text and machine()["cpu"].split("(")[0] in text
    assert not list(measured.glob(".devices.*"))


def test_the_same_devices_write_the_same_bytes(measured: Path) -> None:
    written = []
    for _ in range(2):
        assert lth_edge("report", measured).code == 0
        written.append([(measured / name).read_bytes() for name in ("devices.html", "devices.md")])
    assert written[0] == written[1]


def refused(run: Path, code: int, *words: str) -> Done:
    done = lth_edge("report", run)
    assert done.code == code
    assert all(word in "\n".join(done.said) for word in words), done.said
    assert not (run / "devices.html").exists()
    return done


def test_a_run_without_devices_names_the_commands_to_run(finished: Finished) -> None:
    run = finished.folder
    refused(run, 3, "no device", f"lth-edge bench {run} --on ssh:", f"lth-edge estimate {run} --target pi4")


def test_no_run_is_called_so(here: Path) -> None:
    refused(here / "nowhere", 3, "holds no finished run", "lth-edge compress")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("pi5.json", "{", ["pi5.json is not valid JSON"]),
        ("pi5.json", {"hello": 1}, ["pi5.json is not what lth-edge leaves of a device", "remove it"]),
        ("pi5.json", device(schema_version=7), ["schema version 7", "update"]),
        ("pi5.json", device(), ["measured another dense than this run's", "lth-edge bench", "--on ssh:pi@pi5.local"]),
        ("pi4.estimate.json", estimate("pi4") | {"forms": 3}, ["forms must be an object"]),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(
    name: str, content: Any, words: list[str], finished: Finished, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished.folder, run)
    (run / "devices").mkdir()
    (run / "devices" / name).write_text(content if isinstance(content, str) else json.dumps(content))
    refused(run, 6, *words)


def test_half_written_files_are_passed_over(measured: Path) -> None:
    (measured / "devices" / ".pi4.json.x.tmp").write_text("{")
    (measured / "devices" / ".pi4.json.part").write_text("{")
    assert lth_edge("report", measured).code == 0
