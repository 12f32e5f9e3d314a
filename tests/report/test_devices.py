"""Devices side by side: the same in terminal, Markdown and page, and what was not measured never looks measured."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from device_renderings import renderings, terminal
from device_samples import device, emulated, estimate, moment, silent, throttled
from reading import HOSTILE, Page, squeezed
from sample_devices import overview, recommendation

from lth_edge.devices.result import DeviceResult
from lth_edge.report.devices.conditions import throttled_stretches
from lth_edge.report.devices.markdown import to_markdown
from lth_edge.report.devices.overview import Overview
from lth_edge.report.devices.page import to_page
from lth_edge.report.devices.plots import watch_figure

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
    found = overview(there)
    assert found.emulated[0].reports == {} and found.emulated[0].summary["measurements"] is None
    shown = renderings(found)
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


def test_a_method_is_told_once_behind_its_devices() -> None:
    for shown in renderings(overview(estimate(), estimate("pi3"))):
        assert shown.count(squeezed("roofline per layer")) == 1
        assert re.search(r"pi3\(.*zero2w\([^)]*\):rooflineperlayer", shown)


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


def test_what_a_device_does_not_tell_is_unknown_and_never_zero() -> None:
    found = overview(silent())
    table = to_markdown(found).split("## Clock and temperature")[1].split("\n## ")[0]
    assert "| board | unknown | unknown | unknown | unknown | unknown | unknown |" in table
    assert "306 kB at least" in to_markdown(found)
    assert "Neither could be read: unknown." in to_page(found)


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


def test_hostile_names_stay_text() -> None:
    there = device(target=HOSTILE, taints=[HOSTILE], missing={HOSTILE: HOSTILE})
    there["machine"] |= {"model": HOSTILE, HOSTILE: HOSTILE}
    found = overview(there, estimate() | {"method": HOSTILE, "note": HOSTILE})
    page = Page(to_page(found))
    assert "script" not in {tag for tag, _ in page.tags}
    assert HOSTILE in page.text
    assert "<script" not in to_markdown(found)
    assert "[red]b[/red]" in terminal(found)


def suffix_of(content: dict[str, Any]) -> str:
    return ".estimate.json" if content["kind"] == "estimated" else ".json"
