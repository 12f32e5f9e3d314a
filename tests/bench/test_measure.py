import json
import subprocess
import sys

import numpy as np
import pytest

from lth_edge.bench.measure import bench
from lth_edge.bench.statistics import speedup
from lth_edge.errors import InputError, LthEdgeError
from lth_edge.recipe import BenchRecipe

RECIPE = BenchRecipe(processes=3, seconds=0.1)


@pytest.fixture(scope="module")
def measured(forms, batches):
    return bench(forms, batches, RECIPE).to_dict()


def test_fits_the_schema_of_the_report(measured):
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured
    keys = ["threads", "processes", "null_us", "latency", "load", "memory", "raw"]
    assert list(measured) == keys
    assert (measured["threads"], measured["processes"]) == (1, 3)
    assert list(measured["null_us"]) == ["1", "4"]
    percentiles = {"p50_us", "p90_us", "p95_us", "p99_us"}
    assert all(row.keys() == {"form", "batch", "speedup", "warning"} | percentiles for row in measured["latency"])
    assert all(row.keys() == {"form", "median_ms", "low_ms", "high_ms"} for row in measured["load"])
    assert all(row.keys() == {"form", "peak_bytes", "above_empty_bytes"} for row in measured["memory"])
    assert measured["raw"].keys() == {"latency_us", "load_ms", "memory_bytes"}


def test_every_form_and_batch_has_its_row(measured, forms):
    rows = [(row["batch"], row["form"]) for row in measured["latency"]]
    assert rows == [(batch, form) for batch in (1, 4) for form in forms]
    assert [row["form"] for row in measured["load"]] == list(forms)
    assert [row["form"] for row in measured["memory"]] == list(forms)


def test_rows_follow_from_the_raw_samples(measured):
    raw = measured["raw"]
    for row in measured["latency"]:
        times = raw["latency_us"][str(row["batch"])][row["form"]]
        assert len(times) == 3
        assert row["p99_us"] == pytest.approx(np.percentile(np.concatenate(times), 99))
        assert row["p50_us"] <= row["p90_us"] <= row["p95_us"] <= row["p99_us"]
    for row in measured["memory"]:
        assert row["peak_bytes"] == np.median(raw["memory_bytes"][row["form"]])
        assert row["above_empty_bytes"] == row["peak_bytes"] - int(np.median(raw["memory_bytes"][""]))
    for row in measured["load"]:
        assert row["low_ms"] <= row["median_ms"] == np.median(raw["load_ms"][row["form"]]) <= row["high_ms"]


def test_speed_ups_follow_from_the_raw_samples(measured):
    for row in measured["latency"]:
        times = measured["raw"]["latency_us"][str(row["batch"])]
        expected = speedup(times["dense"], times[row["form"]])
        found = row["speedup"]
        assert (found["median"], found["low"], found["high"]) == (
            expected.median,
            expected.low,
            expected.high,
        )
        assert (found["verdict"] == "baseline") == (row["form"] == "dense")


def test_a_far_smaller_network_needs_less_memory(measured):
    above = {row["form"]: row["above_empty_bytes"] for row in measured["memory"]}
    assert above["dense"] - above["small"] > 3_000_000


def test_warnings_follow_from_the_null_graph(measured):
    for row in measured["latency"]:
        null = measured["null_us"][str(row["batch"])]
        assert bool(row["warning"]) == (row["p50_us"] < 5 * null)


def test_a_form_that_fails_is_named(forms, batches, tmp_path):
    with pytest.raises(LthEdgeError, match=r"ticket: .*gone\.onnx"):
        bench(forms | {"ticket": tmp_path / "gone.onnx"}, batches, RECIPE)


def test_nothing_to_measure_is_refused(forms, batches):
    for arguments in (({}, batches), (forms, {})):
        with pytest.raises(InputError, match="nothing to measure"):
            bench(*arguments, RECIPE)


def test_needs_neither_torch_nor_onnx():
    code = (
        "import sys, lth_edge.bench.measure, lth_edge.bench.verdicts, lth_edge.bench.machine\n"
        "assert not {'torch', 'onnx', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
