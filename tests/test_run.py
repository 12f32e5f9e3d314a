"""A run's folder: taken up again after any kill, and what lies in it is of one piece."""

import json
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from lth_edge import Metric, Recipe, Report, compress, make_task
from lth_edge.errors import DamagedError, RecipeError
from lth_edge.run import open_run

RECIPE = Recipe.from_dict(
    {
        "train": {"steps": 40},
        "find": {"levels": 1, "prune_rate": 0.97, "output_prune_rate": 0.97},
        "bench": {"processes": 2, "seconds": 0.02},
    }
)
SHIPPED = ("package", "package.zip", "report.json", "report.md", "report.html")


def begun(folder: Path, fingerprint: str = "abc") -> dict:
    with open_run(folder, Recipe(), fingerprint, "name") as run:
        return run.facts


@pytest.mark.parametrize("left", [[".lock"], [".lock", ".run.json.x.tmp"], [".run.json.x.tmp"]], ids=len)
def test_a_run_killed_before_run_json_goes_on(tmp_path: Path, left: list[str]) -> None:
    for name in left:
        (tmp_path / name).write_text("{")
    begun(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "run.json", "recipe.toml"}


def test_a_run_killed_between_run_json_and_recipe_toml_goes_on(tmp_path: Path) -> None:
    first = begun(tmp_path)
    (tmp_path / "recipe.toml").unlink()
    (tmp_path / ".recipe.toml.x.tmp").write_text("[ta")
    assert begun(tmp_path) == first
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "run.json", "recipe.toml"}


def test_a_run_of_other_data_is_refused_once_it_holds_a_level(tmp_path: Path) -> None:
    begun(tmp_path)
    assert begun(tmp_path, "mended")["fingerprint"] == "mended"
    (tmp_path / "seed-0" / "level-00").mkdir(parents=True)
    with pytest.raises(RecipeError, match="the data, the network, the loss or the training loop changed"):
        begun(tmp_path, "changed")


@pytest.mark.parametrize("content", [[], 3, None])
def test_a_run_json_that_is_no_object_is_damaged(tmp_path: Path, content: object) -> None:
    (tmp_path / "run.json").write_text(json.dumps(content))
    with pytest.raises(DamagedError, match=r"run\.json is not that of a run"):
        begun(tmp_path)


def test_a_folder_with_a_run_json_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"name": "my own"}')
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(RecipeError, match="holds other files"):
        begun(tmp_path)
    assert (tmp_path / "run.json").read_text() == '{"name": "my own"}'
    assert (tmp_path / "report.md").read_text() == "mine"


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10))


def compressed(folder: Path, tolerance: float, killed: bool = False) -> Report:
    """All levels are there the second time: the metric is next asked about the files."""

    def right(scores, y) -> float:
        if killed:
            raise KeyboardInterrupt
        return 100.0 * float((scores.argmax(1) == y).mean())

    x, y = load_digits(return_X_y=True)
    data = torch.tensor(x[:600] / 16, dtype=torch.float32), torch.tensor(y[:600])
    return compress(RECIPE, folder, task=make_task(network, data, metric=Metric("right", right), tolerance=tolerance))


def test_what_a_rerun_ships_and_reports_is_its_own(tmp_path: Path) -> None:
    assert compressed(tmp_path, tolerance=100).content["chosen"]["level"] == 1
    assert (tmp_path / "files" / "ticket.onnx").exists() and all((tmp_path / name).exists() for name in SHIPPED)
    report = compressed(tmp_path, tolerance=0).content
    assert (report["kind"], report["chosen"]) == ("no ticket within tolerance", None)
    assert not list((tmp_path / "files").glob("ticket*"))
    assert json.loads((tmp_path / "package" / "manifest.json").read_text())["form"] != "ticket"
    (tmp_path / "devices").mkdir()
    for name in ("devices/pi4.json", "devices.html", "devices.md"):
        (tmp_path / name).touch()
    with pytest.raises(KeyboardInterrupt):
        compressed(tmp_path, tolerance=100, killed=True)
    assert not any((tmp_path / name).exists() for name in (*SHIPPED, "devices.html", "devices.md"))
    assert (tmp_path / "devices" / "pi4.json").exists()
    assert list(tmp_path.glob("seed-0/level-01"))
