"""What is said to ship on a device follows from its own figures, and from nothing that is wrong or in doubt there."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from device_renderings import renderings, terminal
from device_samples import device, throttled
from reading import squeezed
from sample_devices import overview, recommendation, run_report, write_run

from lth_edge.report.devices.markdown import to_markdown
from lth_edge.report.devices.overview import Overview
from lth_edge.report.devices.page import to_page


def test_taints_stand_where_the_numbers_are_and_are_never_plain_good() -> None:
    found = overview(throttled())
    assert recommendation(found)["good"] is None
    assert squeezed("tainted, measure again before trusting it: throttled while measuring") in renderings(found)[0]
    side, latency, load = (to_markdown(found).split(f"## {title}")[1] for title in ("Side by", "Latency", "Load and"))
    for section in (side, latency, load):
        table = section.split("\n## ")[0]
        assert "| pi4 (tainted) |" in table and "Warning: pi4 is tainted: throttled while measuring" in table
    assert to_page(found).count("pi4 is tainted: throttled while measuring") >= 4


def test_a_form_with_other_outputs_is_not_shipped_whatever_its_speed() -> None:
    wrong = device()
    wrong["checked"]["sparse"] = 0.3
    found = overview(wrong)
    assert recommendation(found)["answer"].startswith("ship ticket")
    for shown in renderings(found):
        assert squeezed("sparse is off by 3.0e-1: not to be shipped there") in shown
        assert "3.4x" not in shown


def test_outputs_that_are_no_numbers_are_infinitely_wrong() -> None:
    wrong = device()
    wrong["checked"]["sparse"] = "inf"
    found = overview(wrong)
    assert recommendation(found)["answer"].startswith("ship ticket")
    assert all("sparseisoffbyinfinite" in shown for shown in renderings(found))


def test_int8_may_round_where_others_may_not() -> None:
    off = device()
    off["checked"] |= {"int8": 0.04, "ticket": 0.04}
    found = overview(off)
    assert {form["name"] for form in found.measured[0].summary["forms"]} == {"dense", "int8", "sparse"}


def test_what_gains_nothing_stays_dense() -> None:
    slow = device()
    report = run_report()
    for form in report["forms"][1:]:
        form["validation_metric"] = 50.0
    with TemporaryDirectory() as folder:
        run = write_run(Path(folder), slow)
        (run / "report.json").write_text(json.dumps(report))
        found = Overview.read(run)
    assert recommendation(found)["answer"] == "stay dense: no other form is within tolerance"
    assert all(squeezed("stay dense") in shown for shown in renderings(found))


def test_threads_that_call_for_different_forms_are_both_told() -> None:
    split = device(threads=(1, 4))
    for row in split["measurements"]["4"]["latency"]:
        if row["form"] == "sparse":
            row["speedup"] = {"median": 1.0, "low": 0.98, "high": 1.02, "verdict": "no measurable change"}
    answer = recommendation(overview(split))["answer"]
    assert answer.startswith("with 1 thread ship sparse: ") and "; with 4 threads ship ticket: " in answer


def test_one_form_for_all_threads_is_told_once_with_each_gain() -> None:
    answer = recommendation(overview(device(threads=(1, 4))))["answer"]
    assert answer.count("ship sparse") == 1
    assert re.search(r"; with 4 threads 3\.\dx faster \(3\.\d+ to 3\.\d+\)$", answer)


def test_the_runtime_has_its_bytes_by_name_and_kernels_count_where_they_are_needed() -> None:
    printed = terminal(overview(device()))
    assert re.search(r"pi5 +sparse +306 kB +24\.1 MB +38\.5 MB +74\.0 kB +63\.0 MB", printed)
    without = device()
    without["checked"]["sparse"] = 1.0
    assert re.search(r"pi5 +ticket +301 kB +24\.1 MB +38\.5 MB +– +62\.9 MB", terminal(overview(without)))


def test_a_missing_form_is_named_with_its_reason() -> None:
    there = device(missing={"sparse": "no kernels for this machine"})
    for part in ("forms", "checked"):
        del there[part]["sparse"]
    for part in ("latency", "load", "memory"):
        rows = there["measurements"]["1"][part]
        there["measurements"]["1"][part] = [row for row in rows if row["form"] != "sparse"]
    for shown in renderings(overview(there))[1:]:
        assert squeezed("There is no sparse on pi5: no kernels for this machine.") in shown
