"""Figures: themed, labelled, the same in every run, and true to the data."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from sample_report import regression, sample

from lth_edge.report.canvas import LIGHT, PALETTE
from lth_edge.report.plots import curve_figure, curve_picture, form_colours, latency_figure
from lth_edge.report.sections import curve_of

SVG = "{http://www.w3.org/2000/svg}"


def test_both_sizes_follow_the_page_in_colour_and_font() -> None:
    for figure in (curve_figure(sample()), latency_figure(sample())):
        assert figure.keys() == {"narrow", "wide"}
        for svg in figure.values():
            assert not re.search(r"#[0-9a-f]{6}", svg)
            assert set(re.findall(r"var\(--([\w-]+)\)", svg)) <= {*PALETTE, "font"}
            assert re.match(r'<svg viewBox="0 0 \d+ \d+" role="img" aria-label="[^"]+">', svg)
            assert "<text" in svg and "<metadata" not in svg
            ET.fromstring(svg)


def test_light_colours_all_differ_because_each_stands_for_a_variable() -> None:
    assert len(set(LIGHT.values())) == len(LIGHT)


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, relative luminance and contrast ratio."""
    lights = sorted(sum(w * channel(c, i) for i, w in enumerate((0.2126, 0.7152, 0.0722))) for c in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def channel(colour: str, index: int) -> float:
    value = int(colour[1 + 2 * index : 3 + 2 * index], 16) / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize("colour", ["ink", "muted", "good", "bad", *(name for name in PALETTE if "series" in name)])
def test_text_contrast_is_at_least_4_5(theme: int, colour: str) -> None:
    for ground in ("card", "page"):
        assert contrast(PALETTE[colour][theme], PALETTE[ground][theme]) >= 4.5


def test_seeds_controls_tolerance_and_choice_are_in_the_curve() -> None:
    svg = curve_figure(sample())["wide"]
    for words in (
        "mean of 3 seeds",
        "re-initialised",
        "random mask",
        "dense 97",
        "tolerance, down to",
        "chosen: 10.7% left",
    ):
        assert words in svg


def test_the_curve_runs_from_dense_to_sparse_though_an_automatic_search_goes_back_and_forth() -> None:
    report = sample()
    tickets = [point for point in report["curve"] if not point["control"]]
    tickets[1]["weights_left"], tickets[2]["weights_left"] = tickets[2]["weights_left"], tickets[1]["weights_left"]
    left = [point["weights_left"] for point in curve_of(report, "")]
    assert left == sorted(left, reverse=True)


def test_one_seed_draws_no_band_and_no_choice_no_mark() -> None:
    one = curve_figure(sample(seeds=(0,), controls=False, chosen=False))["wide"]
    assert "FillBetween" not in one and "chosen" not in one and "control" not in one
    assert "FillBetween" in curve_figure(sample())["wide"]


def test_a_metric_that_should_fall_has_its_tolerance_above() -> None:
    assert "tolerance, up to" in curve_figure(regression())["wide"]


def test_nothing_to_draw_draws_nothing() -> None:
    assert curve_figure(sample() | {"curve": []}) == {}
    assert latency_figure(sample(measured=False)) == {}


def test_a_process_that_timed_nothing_and_equal_times_are_survived() -> None:
    report = sample()
    report["measurements"]["raw"]["latency_us"] = {
        "1": {"dense": [[5.0, 5.0], []], "ticket": [[7.0]]},
        "32": {},
    }
    assert "ticket" in latency_figure(report)["narrow"]


def test_an_empty_graph_far_below_is_left_out_of_the_figure() -> None:
    report = sample()
    assert "empty graph" in latency_figure(report)["wide"]
    report["measurements"]["null_us"] = {"1": 0.5, "32": None}
    assert "empty graph" not in latency_figure(report)["wide"]


def test_times_over_many_decades_keep_their_labels_apart() -> None:
    report = sample()
    assert ">20 µs<" in latency_figure(report)["narrow"].replace("\n", "")
    report["measurements"]["raw"]["latency_us"]["1"]["dense"] = [[20.0, 80_000.0] * 50]
    wide = latency_figure(report)["narrow"].split("batch 32")[0]
    assert ">100 µs<" in wide and ">20 µs<" not in wide


def test_each_form_has_a_colour_of_its_own() -> None:
    report = sample()
    report["forms"].append(report["forms"][0] | {"name": "sparse"})
    colours = form_colours(report)
    assert colours.keys() == {"dense", "int8", "ticket", "sparse"}
    assert len(set(colours.values())) == 4


def test_the_curve_saves_as_svg_and_png_on_white(tmp_path: Path) -> None:
    curve_picture(sample(), tmp_path / "curve.svg")
    curve_picture(sample(), tmp_path / "curve.png")
    root = ET.parse(tmp_path / "curve.svg").getroot()
    assert root.tag == f"{SVG}svg"
    assert LIGHT["card"] in (tmp_path / "curve.svg").read_text()
    assert "var(" not in (tmp_path / "curve.svg").read_text()
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
