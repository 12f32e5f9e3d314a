"""The page in a real browser, from disk: no sideways scrolling, every figure there."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sample_report import regression, sample

from lth_edge.report.page import to_page

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
WIDTHS = (360, 800, 1600)
FIGURES = {"Sparsity and accuracy", "Density per layer", "Bytes", "Latency", "Recall per class"}

# a headless window is never narrower than about 500 pixels; a frame is, and media queries see its width
FRAMES = """<!doctype html><title>waiting</title><body>{frames}<script>
const found = {{}};
addEventListener("message", event => {{
  found[event.data.width] = event.data;
  if (Object.keys(found).length === {count}) document.title = JSON.stringify(found);
}});
</script>"""
PROBE = """<script>
addEventListener("load", () => {
  const size = shape => { const box = shape.getBoundingClientRect(); return [box.width, box.height]; };
  const all = selector => [...document.querySelectorAll(selector)];
  const root = document.documentElement;
  parent.postMessage({
    width: innerWidth, scroll: root.scrollWidth, client: root.clientWidth,
    figures: Object.fromEntries(all("figure").map(f => [f.getAttribute("aria-label"), size(f)])),
    plots: all("svg").map(size).filter(([w, h]) => w > 0 && h > 0),
    bars: all(".bar i").map(size),
  }, "*");
});
</script>"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome on the path")


def dump_dom(path: Path, scratch: Path) -> str:
    command = [
        str(BROWSER),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        f"--user-data-dir={scratch / 'profile'}",
        "--virtual-time-budget=2000",
        "--window-size=1800,1200",
        "--dump-dom",
        path.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


def measured(report: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Width -> what the page looks like in a frame of that width."""
    page = re.sub(r"<meta http-equiv[^>]*>", "", to_page(report)).replace("<details", "<details open")
    (scratch / "page.html").write_text(page.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    frames = "".join(f'<iframe src="page.html" style="border:0;width:{w}px;height:900px"></iframe>' for w in WIDTHS)
    (scratch / "frames.html").write_text(FRAMES.format(frames=frames, count=len(WIDTHS)))
    title = re.search(r"<title>(.*?)</title>", dump_dom(scratch / "frames.html", scratch), flags=re.DOTALL)
    assert title and title[1] != "waiting"
    return json.loads(unescape(title[1]))


def test_the_page_opens_from_disk(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(to_page(sample()), encoding="utf-8")
    dom = dump_dom(tmp_path / "report.html", tmp_path)
    assert "<title>mlp on digits: winning ticket</title>" in dom
    assert "Ship ticket.onnx where bytes matter" in dom


def test_every_figure_shows_and_nothing_scrolls_sideways(tmp_path: Path) -> None:
    found = measured(sample(), tmp_path)
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
    for seen in measured(report, tmp_path).values():
        assert seen["scroll"] <= seen["client"]
