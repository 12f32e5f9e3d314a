"""`lth-edge bench` on this machine: everything but the network."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from board_lock import held
from command import Done, Finished, lth_edge

from lth_edge.devices import bench
from lth_edge.devices.board_agent import ask
from lth_edge.devices.result import DeviceResult
from lth_edge.devices.shipment import pack
from lth_edge.devices.subject import subject_of
from lth_edge.devices.target import LocalTarget

FORMS = ["dense", "int8", "ticket", "sparse"]
KEYS = (
    "schema_version target name kind emulator started seconds lth_edge machine before after during other_work "
    "forms missing runtime_bytes measurements checked taints"
).split()
STATE = {"time", "governor", "frequency_mhz", "temperature_c", "throttled", "load", "memory_available_bytes"}


@pytest.fixture(scope="module")
def run(pruned: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run, to write results into."""
    return Path(shutil.copytree(pruned.folder, tmp_path_factory.mktemp("bench") / "run"))


@pytest.fixture(scope="module")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder that keeps its cache from test to test."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def at_home(cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(cache_home))


@pytest.fixture(scope="module")
def done(run: Path, cache_home: Path) -> Done:
    """A bench on one and on two threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(cache_home))
        ended = lth_edge("bench", run, "--on", "local", "--threads", "1,2")
    assert ended.code == 0, ended.stderr
    return ended


@pytest.fixture(scope="module")
def measured(done: Done, run: Path) -> dict[str, Any]:
    return json.loads((run / "devices" / "local.json").read_text())


def test_the_result_holds_what_it_promises(measured: dict[str, Any]) -> None:
    assert list(measured) == KEYS
    assert (measured["schema_version"], measured["target"], measured["kind"]) == (1, "local", "measured")
    assert list(measured["forms"]) == FORMS
    assert measured["missing"] == {}
    assert measured["machine"].keys() >= {
        "cpu",
        "cores",
        "onnxruntime",
        "model",
        "glibc",
        "bits",
        "threads",
        "affinity",
    }
    for look in (measured["before"], measured["after"]):
        assert look.keys() >= STATE
    assert len(measured["during"]) >= measured["seconds"] - 3
    assert all(size == "unknown" or size > 10_000 for size in measured["runtime_bytes"].values())


def test_the_sample_that_other_tests_use_is_of_the_same_kind(measured: dict[str, Any]) -> None:
    sample = DeviceResult.read(Path(__file__).parent / "sample.json").content
    assert list(sample) == list(measured)
    assert sample["machine"].keys() == measured["machine"].keys()
    assert sample["measurements"]["1"].keys() == measured["measurements"]["1"].keys()


def test_every_form_is_measured_on_every_number_of_threads(measured: dict[str, Any]) -> None:
    assert list(measured["measurements"]) == ["1", "2"]
    for threads, found in measured["measurements"].items():
        assert (found["threads"], found["processes"]) == (int(threads), 2)
        assert [(row["batch"], row["form"]) for row in found["latency"]] == [(b, f) for b in (1, 32) for f in FORMS]
        assert [row["form"] for row in found["load"]] == [row["form"] for row in found["memory"]] == FORMS


def test_what_was_measured_is_what_the_run_holds(measured: dict[str, Any], run: Path) -> None:
    for form, error in measured["checked"].items():
        assert error < (0.05 if form == "int8" else 1e-5)
        assert (run / "files" / measured["forms"][form]["file"]).stat().st_size == measured["forms"][form]["bytes"]


def test_a_table_is_printed(done: Done) -> None:
    assert all(word in done.stdout for word in ("onnxruntime", "1 thread", "2 threads", *FORMS))


def test_a_job_leaves_nothing_but_the_cache(measured: dict[str, Any], cache_home: Path) -> None:
    cache = cache_home / ".cache" / "lth-edge"
    assert [path.name for path in cache_home.iterdir()] == [".cache"]
    assert {path.name for path in cache.iterdir()} == {"device", "bench"}
    assert list((cache / "device" / "jobs").iterdir()) == []


def test_devices_tells_of_it(measured: dict[str, Any], run: Path, tmp_path: Path) -> None:
    file = tmp_path / "devices.toml"
    file.write_text('[here]\ntarget = "local"\n')
    told = "".join(lth_edge("devices", "--devices", file).stdout.split())
    assert f"measured{measured['started'][:10]}" in told


def test_nothing_is_shipped_twice_and_damage_is_mended(
    measured: dict[str, Any], run: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    put = LocalTarget.put

    def counting(target: LocalTarget, files: dict[str, Path], folder: str) -> None:
        sent.extend(files)
        put(target, files, folder)

    monkeypatch.setattr(LocalTarget, "put", counting)
    dense = measured["forms"]["dense"]["sha256"]
    (cache_home / ".cache" / "lth-edge" / "device" / "blobs" / dense).write_bytes(b"damaged")
    assert lth_edge("bench", run, "--on", "local").code == 0
    assert sent == [dense]


def test_what_does_not_arrive_whole_is_told(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(LocalTarget, "put", lambda *words: None)
    done = lth_edge("bench", run, "--on", "local")
    assert (done.code, done.said[0]) == (9, "lth-edge: files did not arrive whole on local")


def test_a_bench_that_was_left_behind_is_fetched(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "PATIENCE", 0)

    def lost(target: Any, job: str, say: Any) -> None:
        raise bench.Unreachable("lost", "again")

    with monkeypatch.context() as patch:
        patch.setattr(bench, "_await", lost)
        assert lth_edge("bench", run, "--on", "local", "--threads", 2).code == 9
    done = lth_edge("bench", run, "--on", "local", "--threads", 2)
    assert done.code == 0, done.stderr
    assert "this bench is there already: fetching it" in done.stderr


def test_a_short_silence_is_waited_out(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_really, silent = bench.ask, ["wait", "wait", "clear"]

    def ask_badly(target: Any, verb: str, *rest: Any, **asked: Any) -> Any:
        if verb in silent and asked.get("stage") != "":
            silent.remove(verb)
            raise bench.Unreachable("lost", "again")
        return ask_really(target, verb, *rest, **asked)

    monkeypatch.setattr(bench, "_RETRY", 0)
    monkeypatch.setattr(bench, "ask", ask_badly)
    done = lth_edge("bench", run, "--on", "local")
    assert (done.code, silent) == (0, []), done.stderr


def test_what_comes_back_damaged_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    get = LocalTarget.get

    def damaging(target: LocalTarget, folder: str, names: list[str], into: Path) -> None:
        get(target, folder, names, into)
        (into / "outputs-dense.npz").write_bytes(b"damaged")

    with monkeypatch.context() as patch:
        patch.setattr(LocalTarget, "get", damaging)
        done = lth_edge("bench", run, "--on", "local")
    assert (done.code, done.said[0]) == (9, "lth-edge: outputs-dense.npz came back damaged from local")
    assert lth_edge("bench", run, "--on", "local").code == 0


def test_a_second_bench_is_refused_and_told_who_holds_the_board(run: Path) -> None:
    ask(LocalTarget(), "probe")
    with held('{"who": "ann@desk", "since": "noon", "id": "another"}'):
        done = lth_edge("bench", run, "--on", "local")
        assert done.code == 9
        assert done.said[0] == "lth-edge: local is in use: ann@desk measures on it since noon"
        assert lth_edge("bench", "--forget", "--on", "local").code == 9


def test_one_device_that_fails_does_not_keep_the_others(run: Path, tmp_path: Path) -> None:
    done = lth_edge("bench", run, "--on", "ssh:pi@lth-edge.invalid", "--on", "local", "--out", tmp_path / "out")
    assert done.code == 9
    assert "pi@lth-edge.invalid cannot be reached" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["local.json"]


def test_a_package_is_measured_beside_its_dense_model(run: Path, sparse_package: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "what I trained (2).onnx"
    shutil.copy(run / "files" / "dense.onnx", baseline)
    done = lth_edge(
        "bench", sparse_package.with_suffix(".zip"), "--baseline", baseline, "--on", "local", "--out", tmp_path
    )
    assert done.code == 0, done.stderr
    found = json.loads((tmp_path / "local.json").read_text())
    assert list(found["forms"]) == ["dense", "ticket", "sparse"]
    assert found["forms"]["dense"]["file"] == "what-I-trained-2-.onnx"
    with subject_of(sparse_package, baseline) as subject:
        assert list(subject.forms) == ["dense", "ticket", "sparse"]
        assert subject.results == sparse_package.parent / "devices"


def test_a_form_without_kernels_for_the_device_is_missing_with_the_reason(run: Path, tmp_path: Path) -> None:
    with subject_of(run) as subject:
        shipment = pack(subject, subject.settings, [1], "linux-riscv64", tmp_path)
    assert list(shipment.job["forms"]) == ["dense", "int8", "ticket"]
    assert shipment.missing == {"sparse": "there are no sparse kernels for linux-riscv64"}


def test_a_device_declared_emulated_is_no_measured_one(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalTarget, "emulated", True)
    done = lth_edge("bench", run, "--on", "local", "--out", run / "declared")
    found = json.loads((run / "declared" / "local.json").read_text())
    assert (found["kind"], found["emulator"]) == ("emulated", "declared")
    assert "not measured on the device" in done.stdout


def test_all_devices_that_fail_are_told_of(run: Path, tmp_path: Path) -> None:
    done = lth_edge("bench", run, "--on", "ssh:a@lth-edge.invalid", "--on", "ssh:b@lth-edge.invalid", "--out", tmp_path)
    assert done.code == 9
    assert done.said[0] == "lth-edge: 2 devices gave no result"
    assert all(f"{name}@lth-edge.invalid cannot be reached" in done.stderr for name in "ab")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{run}/package", "--on", "local"], 3, "is a package: what is it measured against?"),
        (["{run}/package", "--baseline", "{run}/gone.onnx", "--on", "local"], 3, "there is no model file"),
        (["{run}", "--baseline", "{run}/files/dense.onnx", "--on", "local"], 3, "has its own baseline"),
        (["{run}/files", "--on", "local"], 3, "neither a run nor a package"),
        (["{run}/seed-0", "--on", "local"], 3, "neither a run nor a package"),
        (["{run}", "--on", "local", "--threads", "0"], 2, "number of threads is below 1"),
        (["{run}", "--on", "local", "--processes", "1"], 2, "processes = 1 must be at least 2"),
        (["{run}", "--on", "local", "--on", "local"], 2, "two results would be called local.json"),
        (["{run}", "--on", "nobody"], 2, "no device is called 'nobody'"),
        (["--on", "local"], 2, "name the run or the package"),
    ],
)
def test_what_cannot_be_measured_is_refused(run: Path, arguments: list[str], code: int, message: str) -> None:
    done = lth_edge("bench", *(word.format(run=run) for word in arguments))
    assert done.code == code
    assert message in done.stderr


def test_an_unfinished_run_is_refused(run: Path, tmp_path: Path) -> None:
    unfinished = Path(shutil.copytree(run, tmp_path / "run"))
    (unfinished / "report.json").unlink()
    done = lth_edge("bench", unfinished, "--on", "local")
    assert (done.code, "is not finished" in done.stderr) == (3, True)


def test_a_damaged_package_is_refused_before_anything_is_sent(run: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(run, tmp_path / "run"))
    (damaged / "package" / "run.py").write_text("")
    assert lth_edge("bench", damaged, "--on", "local").code == 6


def test_forget_removes_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    ask(LocalTarget(), "probe")
    assert list(tmp_path.iterdir()) != []
    assert lth_edge("bench", "--forget", "--on", "local").code == 0
    assert list(tmp_path.iterdir()) == []
