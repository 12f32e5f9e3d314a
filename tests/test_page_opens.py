"""The page of a real run in a real browser, from disk."""

import shutil
import subprocess
from pathlib import Path

import pytest
from command import Finished

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")


@pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome on the path")
def test_the_page_of_a_run_shows_its_verdicts(finished: Finished, tmp_path: Path) -> None:
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--virtual-time-budget=2000"]
    page = shutil.copy(finished.folder / "report.html", tmp_path)
    seen = subprocess.run(
        [str(BROWSER), *switches, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", Path(page).as_uri()],
        capture_output=True, text=True, timeout=90, check=True,
    ).stdout  # fmt: skip
    assert "<title>mlp on digits: winning ticket</title>" in seen
    for verdict in finished.report["verdicts"]:
        assert verdict["question"] in seen
    assert "http://" not in seen.replace("http://www.w3.org", "") and "https://" not in seen
