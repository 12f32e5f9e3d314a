"""The one pass over the test set: both checkpoints of a level, and a run that an earlier release had tested."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command import QUICK, lth_edge

from lth_edge.files import file_hash

OVERFITTED = ("--model-arg", "hidden=32", "--steps", "200", "--evaluate-every", "20", "--learning-rate", "0.05")
ARGUMENTS = (*OVERFITTED, "--levels", "1", "--tolerance", "50", *QUICK)
"""At such a rate the lowest validation loss comes before the end."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("final") / "run"
    done = lth_edge("compress", *ARGUMENTS, "--out", folder)
    assert done.code == 0, done.stderr
    return folder


def report_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "report.json").read_text())


def test_both_checkpoints_of_every_level_are_told_from_one_reading(run: Path) -> None:
    report, tested = report_of(run), json.loads((run / "test.json").read_text())["levels"]
    for level in report["levels"]:
        folder = run / "seed-0" / f"level-{level['level']:02d}"
        digests = [file_hash(folder / f"{name}.safetensors") for name in ("weights", "end")]
        assert digests[0] != digests[1]
        assert [level["test_metric"], level["end_test_metric"]] == [tested[digest]["metric"] for digest in digests]
    assert report["task"]["test_reads"] == 1


def test_a_run_that_was_tested_before_goes_on_and_counts_the_reading(run: Path, tmp_path: Path) -> None:
    """An earlier release tested shipped checkpoints alone."""
    shutil.copytree(run, copy := tmp_path / "run")
    content = json.loads((copy / "test.json").read_text())
    for path in copy.glob("seed-*/*/end.safetensors"):
        del content["levels"][file_hash(path)]
    (copy / "test.json").write_text(json.dumps(content))
    done = lth_edge("compress", *ARGUMENTS, "--out", copy)
    assert done.code == 0, done.stderr
    assert report_of(copy)["levels"] == report_of(run)["levels"]
    assert report_of(copy)["task"]["test_reads"] == 2
