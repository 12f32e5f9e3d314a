"""The page in a real browser, from disk: no sideways scrolling, every figure there."""

from pathlib import Path

from browser import WIDTHS, dump_dom, measured, needs_browser
from sample_report import regression, sample

from lth_edge.report.page import to_page

FIGURES = {"Sparsity and accuracy", "Density per layer", "Bytes", "Latency", "Recall per class"}

pytestmark = needs_browser


def test_the_page_opens_from_disk(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(to_page(sample()), encoding="utf-8")
    dom = dump_dom(tmp_path / "report.html", tmp_path)
    assert "<title>mlp on digits: winning ticket</title>" in dom
    assert "Ship ticket.onnx where bytes matter" in dom


def test_every_figure_shows_and_nothing_scrolls_sideways(tmp_path: Path) -> None:
    found = measured(to_page(sample()), tmp_path)
    assert {int(width) for width in found} == set(WIDTHS)
    for seen in found.values():
        assert seen["scroll"] <= seen["client"]
        assert seen["figures"].keys() == FIGURES
        assert all(width > 200 and height > 60 for width, height in seen["figures"].values())
        assert len(seen["plots"]) == 2  # of each pair, the one that fits
        assert all(width > 200 and height > 200 for width, height in seen["plots"])
        assert all(width > 0 and height > 0 for width, height in seen["bars"])


def test_long_names_do_not_push_the_page_wide(tmp_path: Path) -> None:
    report = regression()
    long = "py:a.package_with_a_very_long_name.and_a_module:" + "factory" * 20
    report["task"]["model"] = report["name"] = report["layers"][0]["name"] = report["machine"]["cpu"] = long
    report["recipe"]["task"]["model"] = report["verdicts"][0]["answer"] = report["find"]["stopped"] = long
    report["sizes"][0]["form"] = report["measurements"]["latency"][0]["form"] = report["forms"][1]["name"] = long
    for seen in measured(to_page(report), tmp_path).values():
        assert seen["scroll"] <= seen["client"]
