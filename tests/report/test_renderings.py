"""Terminal, Markdown and page say the same, whatever the run left out and users call their things."""

import io
import re
from collections.abc import Callable
from functools import cache
from html import unescape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import HOSTILE, Page, squeezed
from rich.console import Console
from sample_report import regression, sample

from lth_edge.report.markdown import escape, to_markdown
from lth_edge.report.page import headlines, to_page
from lth_edge.report.table import print_report


def fourth_form() -> dict[str, Any]:
    report = sample()
    sparse = {"name": "sparse", "file": "ticket.sparse.onnx", "kernels_bytes": 249_000, "recall": None}
    report["forms"].append(report["forms"][2] | sparse)
    report["forecast"] |= {"gain": gain()}
    runs = report["measurements"]["raw"]["latency_us"]["1"]
    runs["sparse"] = [[time / 2 for time in run] for run in runs["ticket"]]
    return report


def gain() -> dict[str, Any]:
    """A forecast of the sparse form beside dense and int8, the latter missing."""
    speedup = {"median": 4.0, "low": 3.9, "high": 4.1, "verdict": "faster"}
    forms = [{"form": name, "bytes": 1000, "p50_us": 5.0, "speedup": speedup} for name in ("dense", "sparse")]
    return {"sparsity": 0.9, "forms": forms, "missing": {"int8": "no operator to quantise"}, "threads": 1}


@pytest.mark.parametrize("form", ["dense", "int8", "ticket"])
def test_the_headlines_speak_of_what_is_shipped(form: str) -> None:
    report = sample()
    report["package"]["form"] = form
    worth = {"dense": 98.0, "int8": 97.4, "ticket": 97.9}
    for each in report["forms"]:
        each["test_metric"] = worth[each["name"]]
    told = {line["words"]: line["figure"] for line in headlines(report)}
    assert told.get("points accuracy against dense, test") == {"int8": "−0.60", "ticket": "−0.10"}.get(form)


def without_sparse() -> dict[str, Any]:
    return sample() | {"missing_forms": {"sparse": "no layer gains by sparse kernels"}}


def nothing() -> dict[str, Any]:
    """A run that stopped before its first level."""
    report = sample(chosen=False, measured=False)
    return report | {"levels": [], "curve": [], "forecast": None, "verdicts": [], "compact": None}


REPORTS: dict[str, Callable[[], dict[str, Any]]] = {
    "three seeds and controls": sample,
    "one seed": lambda: sample(seeds=(0,), controls=False),
    "no ticket": lambda: sample(chosen=False),
    "no ticket, nothing measured": lambda: sample(seeds=(0,), controls=False, chosen=False, measured=False),
    "lower is better, no test set": regression,
    "pruned from trained weights": lambda: sample() | {"kind": "pruned from trained weights"},
    "a fourth form": fourth_form,
    "no sparse form": without_sparse,
    "nothing at all": nothing,
}
every_report = pytest.mark.parametrize("name", REPORTS)


@cache
def page_of(name: str) -> str:
    return to_page(REPORTS[name]())


def terminal(report: dict[str, Any], width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    print_report(report, Console(file=stream, width=width))
    stream.flush()
    return raw.getvalue().decode(encoding)


@every_report
def test_verdicts_and_forms_are_in_all_three(name: str) -> None:
    report = REPORTS[name]()
    printed, written, page = (
        squeezed(terminal(report)),
        squeezed(unescape(to_markdown(report))),
        to_page(report),
    )
    shown = squeezed(Page(page).text)
    for verdict in report["verdicts"]:
        for rendering in (printed, written, shown):
            assert squeezed(verdict["answer"]) in rendering
            assert squeezed(verdict["question"]) in rendering
    for form in report["forms"]:
        assert all(form["name"] in rendering for rendering in (printed, written, shown))
    assert all(squeezed(report["kind"]) in rendering for rendering in (printed, written, shown))


@every_report
def test_no_python_shows_through(name: str) -> None:
    report = REPORTS[name]()
    for rendering in (terminal(report), to_markdown(report), Page(page_of(name)).text):
        assert not re.search(r"\b(None|nan|NaN|inf|True|False|Markup|Undefined)\b", rendering)


@every_report
def test_the_terminal_stays_in_80_columns_and_plain_in_a_pipe(name: str) -> None:
    printed = terminal(REPORTS[name]())
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert "\x1b" not in printed


def test_a_terminal_without_unicode_is_served() -> None:
    report = sample()
    report["verdicts"][0]["answer"] = "größer"
    printed = terminal(report, encoding="ascii")
    assert "+  recommendation" in printed
    assert "7.91x" in printed


def test_the_recommendation_comes_first_and_the_chosen_level_is_marked() -> None:
    for rendering in (terminal(sample()), to_markdown(sample())):
        assert rendering.index("recommendation") < rendering.index("size") < rendering.index("97.7")
        assert rendering.count("← chosen") == 1


@every_report
def test_the_page_reaches_for_nothing_outside(name: str) -> None:
    html = page_of(name)
    page = Page(html)
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed", "base"}
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)


@every_report
def test_ids_are_unique_and_references_resolve(name: str) -> None:
    html = page_of(name)
    ids = [attributes["id"] for _, attributes in Page(html).tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', html)) <= set(ids)


def with_names(name: str) -> dict[str, Any]:
    """A report in which everything that a user names is called `name`."""
    report = sample()
    report["task"] |= {"model": name, "data": name, "labels": [name]}
    report["task"]["metric"] |= {"name": name, "unit": name}
    report |= {"name": name}
    report["layers"][0]["name"] = name
    report["machine"]["cpu"] = name
    report["recipe"] = {"task": {"model": name}}
    report["verdicts"][0]["answer"] = name
    report["find"]["stopped"] = name
    for form in report["forms"]:
        form["recall"] = {name: 0.9}
    report["forms"][1]["name"] = name
    for entry in report["measurements"]["latency"]:
        entry["warning"] = name
    runs = report["measurements"]["raw"]["latency_us"]["1"]
    runs[name] = runs.pop("int8")
    return report


def test_hostile_names_stay_text() -> None:
    report = with_names(HOSTILE)
    page = Page(to_page(report))
    assert "script" not in {tag for tag, _ in page.tags}
    assert HOSTILE in page.text
    written = to_markdown(report)
    assert "<script" not in written
    assert not re.search(r"(?<!\\)\$|(?<!\\)`", written)
    assert "[red]b[/red]" in terminal(report)


@settings(max_examples=3, deadline=None)
@given(st.text(min_size=1, max_size=12))
def test_any_name_renders(name: str) -> None:
    report = with_names(name)
    assert "<h1>" in to_page(report)
    assert to_markdown(report)
    assert terminal(report)


@given(st.text())
def test_markdown_cells_keep_to_one_line_and_never_end_early(text: str) -> None:
    escaped = escape(text)
    assert len(escaped.splitlines()) <= 1
    assert "<" not in escaped
    assert not re.search(r"(?<!\\)(\\\\)*\|", escaped)


def test_markdown_tables_are_rectangular() -> None:
    for make in REPORTS.values():
        for block in re.findall(r"(?:^\|.*\n)+", to_markdown(make()), flags=re.MULTILINE):
            widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(widths) == 1


def test_no_measurements_read_as_a_sentence() -> None:
    report = sample(chosen=False, measured=False)
    for rendering in (terminal(report), to_markdown(report), to_page(report)):
        assert "Nothing was measured" in rendering


def test_good_bad_and_neutral_differ_by_symbol_not_only_by_colour() -> None:
    text = Page(to_page(sample())).text
    assert all(symbol in text for symbol in "✓✗•")
    assert all(f", {word}" in text for word in ("good", "bad", "neutral"))


def test_validation_figures_are_never_called_test() -> None:
    report = regression()
    assert "mae, validation" in page_of("lower is better, no test set")
    levels = terminal(report).split("Levels: mae")[1].split("Files")[0]
    assert "validation" in levels
    assert "test" not in levels


def renderings(report: dict[str, Any]) -> list[str]:
    return [squeezed(text) for text in (terminal(report), unescape(to_markdown(report)), Page(to_page(report)).text)]


def test_what_gains_by_zeros_and_what_does_not_is_said_beside_the_files() -> None:
    for shown in renderings(fourth_form()):
        assert squeezed("ticket.onnx runs in stock onnxruntime from 1.20 on, and no faster for its zeros") in shown
        assert squeezed("ticket.sparse.onnx computes only the weights that are left, in lth-edge's kernels") in shown
        assert squeezed("a library of 249 kB") in shown
    assert all(squeezed("lth-edge's kernels") not in shown for shown in renderings(sample()))


def test_a_form_that_is_missing_is_named_with_its_reason() -> None:
    for shown in renderings(without_sparse()):
        assert squeezed("There is no sparse file: no layer gains by sparse kernels.") in shown


def test_the_forecast_of_the_gain_is_told_beside_what_came_of_it() -> None:
    told = squeezed("at 90.0% zeros, random mask: sparse 4.0x faster (3.90 to 4.10), no int8")
    assert all(told in shown for shown in renderings(fourth_form())[1:])
