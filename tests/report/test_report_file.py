"""The report on disk: written whole, read back equal, refused when damaged."""

import json
from pathlib import Path

import pytest
from sample_report import sample

from lth_edge.errors import DamagedError
from lth_edge.report.report import Report


def test_a_saved_report_reads_back_equal(tmp_path: Path) -> None:
    report = Report(sample())
    saved = report.save(tmp_path)
    assert saved.folder == tmp_path
    assert saved.content == report.content
    assert Report.load(tmp_path / "report.json") == saved
    names = ["report.html", "report.json", "report.md", "tickets.csv"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names


def test_the_same_report_writes_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        Report(sample()).save(tmp_path / folder)
    for name in ("report.json", "report.md", "report.html", "tickets.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_another_schema_version_is_refused_with_a_mend(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(sample() | {"schema_version": 2}))
    with pytest.raises(DamagedError, match="schema version 2") as raised:
        Report.load(path)
    assert raised.value.mend


@pytest.mark.parametrize("part", ["verdicts", "levels", "measurements"])
def test_a_missing_part_is_named(tmp_path: Path, part: str) -> None:
    content = sample()
    del content[part]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DamagedError, match=part):
        Report.load(path)


@pytest.mark.parametrize("text", ["[]", "{", "null", ""])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(DamagedError):
        Report.load(path)
