"""Devices side by side: the same in terminal, Markdown and page, and what was not measured never looks measured."""

import io
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from device_samples import device, emulated, estimate, moment, silent, throttled
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import HOSTILE, Page, squeezed
from rich.console import Console
from sample_devices import run_report, write_run

from lth_edge.devices.result import DeviceResult
from lth_edge.errors import DamagedError
from lth_edge.report.devices.markdown import to_markdown
from lth_edge.report.devices.overview import Overview
from lth_edge.report.devices.page import to_page
from lth_edge.report.devices.plots import throttled_stretches, watch_figure
from lth_edge.report.devices.tables import layers_table
from lth_edge.report.devices.terminal import print_devices

RUNS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "one": lambda: [device()],
    "several": lambda: [throttled(), device(), silent(), emulated(), estimate(), estimate("pi3")],
    "only emulated": lambda: [emulated()],
    "only estimated": lambda: [estimate()],
    "nothing timed": lambda: [device(measurements={}, during=[])],
}
every_run = pytest.mark.parametrize("name", RUNS)


@cache
def overview_of(name: str) -> Overview:
    return overview(*RUNS[name]())


def overview(*devices: dict[str, Any]) -> Overview:
    with TemporaryDirectory() as folder:
        return Overview.read(write_run(Path(folder) / "run", *devices))


def terminal(found: Overview, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    print_devices(found, Console(file=stream, width=width))
    stream.flush()
    return raw.getvalue().decode(encoding)


def renderings(found: Overview) -> list[str]:
    return [squeezed(text) for text in (terminal(found), unescape(to_markdown(found)), Page(to_page(found)).text)]


def recommendation(found: Overview, place: int = 0) -> dict[str, Any]:
    return next(v for v in found.measured[place].summary["verdicts"] if v["question"] == "recommendation")


@every_run
def test_every_device_and_its_recommendation_is_in_all_three(name: str) -> None:
    found = overview_of(name)
    for shown in renderings(found):
        assert all(content["name"] in shown for content in RUNS[name]())
        for place in range(len(found.measured)):
            assert squeezed(recommendation(found, place)["answer"]) in shown


@every_run
def test_no_python_shows_through(name: str) -> None:
    found = overview_of(name)
    for rendering in (terminal(found), to_markdown(found), Page(to_page(found)).text):
        assert not re.search(r"\b(None|nan|NaN|inf|True|False|Markup|Undefined)\b", rendering)


@every_run
def test_the_terminal_stays_in_80_columns_and_plain_in_a_pipe(name: str) -> None:
    printed = terminal(overview_of(name))
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert "\x1b" not in printed
    assert terminal(overview_of(name), encoding="ascii")


@every_run
def test_the_page_reaches_for_nothing_but_the_run_beside_it(name: str) -> None:
    html = to_page(overview_of(name))
    page = Page(html)
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    raw = {f"devices/{content['name']}{suffix_of(content)}" for content in RUNS[name]()}
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert set(links) == raw | {"report.html"}
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "img", "object", "embed", "base"}


@every_run
def test_ids_are_unique_and_references_resolve(name: str) -> None:
    html = to_page(overview_of(name))
    ids = [attributes["id"] for _, attributes in Page(html).tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', html)) <= set(ids)


@every_run
def test_markdown_tables_are_rectangular(name: str) -> None:
    for block in re.findall(r"(?:^\|.*\n)+", to_markdown(overview_of(name)), flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_no_time_and_no_memory_of_an_emulator_is_shown() -> None:
    there = emulated()
    there["measurements"]["1"]["memory"][0]["peak_bytes"] = 987_000_000
    shown = renderings(overview(there))
    row = there["measurements"]["1"]["latency"][0]
    told = [f"{row[key] / 1e3:.0f}ms" for key in ("p50_us", "p90_us", "p99_us")] + ["987MB", "faster", "shipsparse"]
    for text in shown:
        assert not [figure for figure in told if figure in text]
        assert "emulated" in text and "recorded" in text
    assert all("2.38MB" in text for text in shown[1:])


def test_an_emulated_device_changes_nothing_of_what_was_measured() -> None:
    alone, beside = overview(device()), overview(device(), emulated(), estimate())
    assert alone.measured == beside.measured
    assert "emulated" not in to_markdown(alone).lower() and "estimate" not in to_markdown(alone).lower()


def test_an_estimate_has_its_range_its_method_and_its_label() -> None:
    for shown in renderings(overview(device(), estimate())):
        for told in ("210 µs to 520 µs", "2.10× to 3.60×", "roofline per layer", "not measured on device"):
            assert squeezed(told) in shown


def test_an_estimate_shows_its_layers_in_the_words_of_its_method() -> None:
    text = Page(to_page(overview(estimate()))).text
    for told in ("zero2w, layer by layer", "multiply adds", "65,536", "sparse vector", "21.0 µs", "84.0 µs"):
        assert told in text
    odd = estimate() | {"layers": [{"name": "x"}, {"other": [1, {"y": None}]}, {}]}
    assert "layer by layer" in to_page(overview(odd))


@every_run
def test_where_nothing_was_measured_it_is_said_with_the_command_that_does(name: str) -> None:
    found = overview_of(name)
    for shown in renderings(found):
        told = squeezed("Nothing was measured on a real device yet; lth-edge bench RUN --on ssh:USER@HOST does it.")
        assert (told in shown) == (not found.measured)


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


def test_what_a_device_does_not_tell_is_unknown_and_never_zero() -> None:
    found = overview(silent())
    table = to_markdown(found).split("## Clock and temperature")[1].split("\n## ")[0]
    assert "| board | unknown | unknown | unknown | unknown | unknown | unknown |" in table
    assert "306 kB at least" in to_markdown(found)
    assert "Neither could be read: unknown." in to_page(found)


def test_a_missing_form_is_named_with_its_reason() -> None:
    there = device(missing={"sparse": "no kernels for this machine"})
    for part in ("forms", "checked"):
        del there[part]["sparse"]
    for part in ("latency", "load", "memory"):
        rows = there["measurements"]["1"][part]
        there["measurements"]["1"][part] = [row for row in rows if row["form"] != "sparse"]
    for shown in renderings(overview(there))[1:]:
        assert squeezed("There is no sparse on pi5: no kernels for this machine.") in shown


def test_throttled_stretches_are_those_that_the_device_named() -> None:
    words: list[Any] = [[], ["throttled"], ["capped"], [], "unknown", ["throttled"]]
    during = [{"t": float(t), **moment(t, 50), "throttled": found} for t, found in enumerate(words)]
    assert throttled_stretches(during) == [(1.0, 3.0), (5.0, 6.0)]
    assert throttled_stretches([]) == []


def test_clock_and_heat_are_drawn_where_they_could_be_read() -> None:
    def figure(content: dict[str, Any]) -> str:
        return watch_figure(DeviceResult(content, "x.json"), 0).get("wide", "")

    assert figure(silent()) == ""
    heat = device(during=[{**second, "frequency_mhz": "unknown"} for second in device()["during"]])
    assert "temperature" in figure(heat) and "clock, MHz" not in figure(heat)
    assert "clock, MHz" in figure(device())


def test_figures_of_other_files_than_the_run_has_are_refused(tmp_path: Path) -> None:
    other = device()
    other["forms"]["sparse"]["bytes"] += 1
    with pytest.raises(DamagedError, match=r"pi5\.json measured another sparse than this run's") as raised:
        Overview.read(write_run(tmp_path / "size", other))
    assert "--on ssh:pi@pi5.local" in raised.value.mend
    run = write_run(tmp_path / "hash", device())
    (run / "files").mkdir()
    (run / "files" / "int8.onnx").write_bytes(b"another model")
    with pytest.raises(DamagedError, match="another int8"):
        Overview.read(run)


def test_hostile_names_stay_text() -> None:
    there = device(target=HOSTILE, taints=[HOSTILE], missing={HOSTILE: HOSTILE})
    there["machine"] |= {"model": HOSTILE, HOSTILE: HOSTILE}
    found = overview(there, estimate() | {"method": HOSTILE, "note": HOSTILE})
    page = Page(to_page(found))
    assert "script" not in {tag for tag, _ in page.tags}
    assert HOSTILE in page.text
    assert "<script" not in to_markdown(found)
    assert "[red]b[/red]" in terminal(found)


JUNK: list[Any] = [None, True, -1, 0, 3, "", "unknown", "x", [], [None], {}, {"x": 1}, float("nan"), 1e999, 10**400]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_file_is_shown_or_refused(data: st.DataObject) -> None:
    content = throttled() if data.draw(st.integers(0, 3)) else estimate()
    content |= {"during": content["during"][:2]} if "during" in content else {}
    place = data.draw(st.sampled_from(list(places(content))))
    *before, last = place
    spot = content
    for key in before:
        spot = spot[key]
    spot[last] = data.draw(st.sampled_from(JUNK))
    try:
        found = overview(content)
    except DamagedError:
        return
    assert terminal(found) and to_markdown(found)
    assert all(layers_table(shown) for shown in found.estimates)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value but the single samples."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in below:
        if not isinstance(value, list) or isinstance(item, dict):
            yield (*path, key)
            yield from places(item, (*path, key))


def suffix_of(content: dict[str, Any]) -> str:
    return ".estimate.json" if content["kind"] == "estimated" else ".json"
