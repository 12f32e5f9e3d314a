"""A preset as one command, from a folder with its data, to the published figures beside ours."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import QUICK, lth_edge

from lth_edge.presets.catalog import names, preset
from lth_edge.report.anchors import anchors_section

DENSE = [
    {"level": 0, "seed": 0, "control": "", "weights_left": 1.0, "test_metric": 98.0, "end_metric": 98.0, "best_step": 1}
]
SHORT = ("--steps", "30", "--evaluate-every", "10", "--levels", "2", "--seeds", "0,1", "--control-levels", "1")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """har.npz of the layout that the preset asks for: six subjects, each activity a wave of its own."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 240), ("test", 60)):
        activity = np.arange(count) % 6
        wave = np.sin(np.arange(128) * (1 + activity[:, None]) / 9)[:, None]
        arrays[f"x_{part}"] = (wave + 0.3 * rng.standard_normal((count, 9, 128))).astype(np.float32)
        arrays[f"y_{part}"] = activity.astype(np.uint8)
        arrays[f"subject_{part}"] = np.arange(count) // (count // 6)
    np.savez(folder / "har.npz", **arrays)
    return folder


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("run") / "run"
    done = lth_edge("compress", "--preset", "har", "--data-dir", data, *SHORT, *QUICK, "--out", folder)
    assert done.code in {0, 4}, done.stderr
    return folder, done.stdout


def test_it_trains_and_tests_on_other_subjects(finished: tuple[Path, str]) -> None:
    report = json.loads((finished[0] / "report.json").read_text())
    assert report["task"]["examples"] == {"train": 200, "validation": 40, "test": 60}
    assert report["recipe"]["task"]["license_data"] == "CC-BY-4.0"


def test_it_tells_how_it_departs_from_the_preset(finished: tuple[Path, str]) -> None:
    report = json.loads((finished[0] / "report.json").read_text())
    assert "train.steps = 30 (preset: 1800)" in report["anchors"]["departures"]
    for text in (finished[1], *((finished[0] / f"report.{kind}").read_text() for kind in ("md", "html"))):
        told = " ".join(text.replace("\\", "").split())
        assert "Published figures beside ours" in told and "train.steps = 30 (preset: 1800)" in told


def test_nothing_departs_where_a_preset_is_followed() -> None:
    for name in names():
        assert anchors_section(preset(name), DENSE)["departures"] == []


def test_what_a_preset_leaves_to_the_defaults_can_be_departed_from() -> None:
    changed = {"train": {"warmup": 0.5}, "find": {"granularity": "unit"}, "task": {"weights": "own.pt"}}
    told = anchors_section(preset("lenet-300-100").replace(changed), DENSE)["departures"]
    assert told == [
        "train.warmup = 0.5 (preset: 0.0)",
        "find.granularity = unit (preset: weight)",
        "task.weights: it starts from trained ones",
    ]


def test_the_recipe_of_a_run_goes_on_with_it(finished: tuple[Path, str]) -> None:
    done = lth_edge("compress", finished[0] / "recipe.toml", "--out", finished[0])
    assert done.code in {0, 4}, done.stderr
    assert "seed 1, level 2, 41.0% of the weights: already there" in done.stderr


def test_a_missing_data_folder_is_told_with_the_mend(here: Path) -> None:
    done = lth_edge("compress", "--preset", "har")
    assert done.code == 3
    assert done.said == [
        "lth-edge: har.npz is not there, nor is data/har.npz",
        "  give --data-dir the folder that holds it; lth-edge presets says where it comes from",
    ]


def test_data_of_another_shape_are_told(data: Path, tmp_path: Path) -> None:
    with np.load(data / "har.npz") as arrays:
        np.savez(tmp_path / "har.npz", **{n: a.swapaxes(1, 2) if a.ndim == 3 else a for n, a in arrays.items()})
    done = lth_edge("compress", "--preset", "har", "--data-dir", tmp_path)
    assert done.code == 3
    assert done.said[0] == "lth-edge: an example of npz:har.npz is (128, 9), preset har takes (9, 128)"


def test_groups_that_the_file_does_not_hold_are_told(data: Path) -> None:
    done = lth_edge("compress", "--preset", "har", "--data-dir", data, "--data-arg", "groups=subjects")
    assert done.code == 2
    assert "has no 'subjects' to split by" in done.stderr and "did you mean 'subject_t" in done.stderr


def test_the_benchmark_makes_the_data_from_uci_s_archive(tmp_path: Path) -> None:
    archive, rng = tmp_path / "UCI HAR Dataset", np.random.default_rng(0)
    signals = [f"{kind}_{axis}" for kind in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"]
    written = {}
    for part, count in (("train", 4), ("test", 2)):
        (archive / part / "Inertial Signals").mkdir(parents=True)
        for name in signals:
            written[part, name] = rng.standard_normal((count, 128)).astype(np.float32)
            np.savetxt(archive / part / "Inertial Signals" / f"{name}_{part}.txt", written[part, name])
        np.savetxt(archive / part / f"y_{part}.txt", 1 + np.arange(count), "%d")
        np.savetxt(archive / part / f"subject_{part}.txt", np.full(count, 30), "%d")
    assert make_har(archive, tmp_path / "data" / "har.npz").returncode == 0
    with np.load(tmp_path / "data" / "har.npz") as made:
        assert made["x_train"].shape == (4, 9, 128) and made["x_train"].dtype == np.float32
        for channel, name in enumerate(signals):
            assert np.array_equal(made["x_test"][:, channel], written["test", name])
        assert (list(made["y_train"]), list(made["subject_test"])) == ([0, 1, 2, 3], [30, 30])


def test_a_folder_that_is_no_such_archive_is_told(tmp_path: Path) -> None:
    done = make_har(tmp_path, tmp_path / "har.npz")
    assert done.returncode == 1 and "body_acc_x_train.txt" in done.stderr and "is not there" in done.stderr
    assert not (tmp_path / "har.npz").exists()


def make_har(archive: Path, out: Path) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).parents[2] / "benchmarks" / "har.py"
    return subprocess.run([sys.executable, script, archive, "--out", out], check=False, capture_output=True, text=True)
