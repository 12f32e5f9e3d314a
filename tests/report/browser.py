"""A page in a real browser, from disk, in frames of the widths of a phone, a tablet and a screen."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
WIDTHS = (360, 800, 1600)

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

needs_browser = pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome on the path")


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


def measured(html: str, scratch: Path) -> dict[str, Any]:
    """Width -> what the page looks like in a frame of that width, its details open."""
    page = re.sub(r"<meta http-equiv[^>]*>", "", html).replace("<details", "<details open")
    (scratch / "page.html").write_text(page.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    frames = "".join(f'<iframe src="page.html" style="border:0;width:{w}px;height:900px"></iframe>' for w in WIDTHS)
    (scratch / "frames.html").write_text(FRAMES.format(frames=frames, count=len(WIDTHS)))
    title = re.search(r"<title>(.*?)</title>", dump_dom(scratch / "frames.html", scratch), flags=re.DOTALL)
    assert title and title[1] != "waiting"
    return json.loads(unescape(title[1]))
