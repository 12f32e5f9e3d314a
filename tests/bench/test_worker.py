import json
import subprocess
import sys

import pytest

from lth_edge.bench.inputs import save_feed
from lth_edge.bench.null_graph import null_feed, null_graph
from lth_edge.bench.process import run_worker
from lth_edge.bench.worker import SAMPLES_KEPT, peak_bytes
from lth_edge.errors import LthEdgeError


@pytest.fixture
def null(tmp_path):
    path = tmp_path / "null.onnx"
    path.write_bytes(null_graph())
    return str(path)


@pytest.fixture
def latency_job(tmp_path, forms, batches, null):
    saved = {str(size): save_feed(tmp_path / f"{size}.npz", feed) for size, feed in batches.items()}
    paths = {form: str(path) for form, path in forms.items()}
    job = {"mode": "latency", "threads": 1, "forms": paths, "batches": saved, "null": null}
    return job | {"seconds": 0.05, "seed": 0}


@pytest.fixture
def footprint_job(tmp_path, forms, batches):
    job = {"mode": "footprint", "threads": 1, "forms": {"dense": str(forms["dense"])}}
    return job | {"batch": save_feed(tmp_path / "batch.npz", batches[1])}


def test_imports_little():
    code = "import sys, lth_edge.bench.worker; assert not {'torch', 'onnx', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_form_is_timed_as_often(latency_job):
    answer = run_worker(latency_job)
    assert answer["latency_us"].keys() == answer["null_us"].keys() == {"1", "4"}
    for batch, times in answer["latency_us"].items():
        assert list(times) == ["dense", "copy", "small"]
        assert {len(found) for found in times.values()} == {len(answer["null_us"][batch])}
        assert all(time > 0 for found in times.values() for time in found)


def test_a_slow_form_still_gets_three_rounds(latency_job):
    answer = run_worker(latency_job | {"seconds": 1e-9})
    assert len(answer["latency_us"]["4"]["dense"]) == 3


def test_samples_are_thinned(null, tmp_path):
    job = {"mode": "latency", "threads": 1, "forms": {"identity": null}, "null": null}
    job |= {"seconds": 0.1, "seed": 0, "batches": {"2": save_feed(tmp_path / "2.npz", null_feed(2))}}
    assert len(run_worker(job)["latency_us"]["2"]["identity"]) == SAMPLES_KEPT


def test_footprint_of_a_form(footprint_job):
    answer = run_worker(footprint_job)
    assert answer["load_ms"] > 0
    assert answer["peak_bytes"] > 10_000_000


def test_peak_grows_with_what_is_held():
    code = (
        "from lth_edge.bench.worker import peak_bytes; before = peak_bytes(); held = b'1' * 50_000_000; "
        "del held; print(peak_bytes() - before)"
    )
    grown = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    assert 40_000_000 < grown < 70_000_000
    assert peak_bytes() > 0


@pytest.mark.parametrize("content", [None, b"not a model"])
def test_a_form_that_does_not_load_is_named(latency_job, tmp_path, content):
    path = tmp_path / "broken.onnx"
    if content:
        path.write_bytes(content)
    job = latency_job | {"forms": latency_job["forms"] | {"ticket": str(path)}}
    with pytest.raises(LthEdgeError, match=r"latency of dense.* failed: ticket: .*broken\.onnx"):
        run_worker(job)


def test_a_form_that_does_not_run_is_named(footprint_job, batches, tmp_path):
    job = footprint_job | {"batch": save_feed(tmp_path / "wrong.npz", {"y": batches[1]["x"]})}
    with pytest.raises(LthEdgeError, match="footprint of dense failed: dense: "):
        run_worker(job)


def test_a_killed_worker_is_told(footprint_job, monkeypatch):
    code = "import os; os.write(2, b'dense: the process died'); os.kill(os.getpid(), 9)"
    monkeypatch.setattr("lth_edge.bench.process._COMMAND", [sys.executable, "-c", code])
    with pytest.raises(LthEdgeError, match=r"dense: the process died \(stopped by SIGKILL; is there enough memory"):
        run_worker(footprint_job)


def test_a_worker_gets_a_clean_environment(footprint_job, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setenv("KMP_AFFINITY", "verbose")
    code = "import json, os; print('chatter'); print(json.dumps(dict(os.environ)))"
    monkeypatch.setattr("lth_edge.bench.process._COMMAND", [sys.executable, "-c", code])
    found = run_worker(footprint_job)
    assert (found["OMP_NUM_THREADS"], found["ORT_DISABLE_TELEMETRY"]) == ("1", "1")
    assert "KMP_AFFINITY" not in found


def test_files_of_the_current_folder_are_not_imported(footprint_job, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    assert run_worker(footprint_job)["load_ms"] > 0


def test_the_answer_is_json_on_stdout(footprint_job):
    command = [sys.executable, "-m", "lth_edge.bench.worker"]
    done = subprocess.run(command, input=json.dumps(footprint_job), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout).keys() == {"load_ms", "peak_bytes"}
