"""The user's own data, network, loss and metric, named on the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import QUICK, lth_edge
from sklearn.datasets import load_digits

from lth_edge import Report, session, verify_package

SMALL = ("--steps", 60, "--levels", 1, *QUICK)


def compressed(run: Path, *arguments: Any) -> dict[str, Any]:
    done = lth_edge("compress", *SMALL, *arguments, "--out", run)
    assert done.code == 0, done.stderr
    return Report.load(run / "report.json").content


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How much ink is on colour images of bytes, in standard deviations; ten images of each writer."""
    folder = tmp_path_factory.mktemp("regression")
    ink = (load_digits().images[:400] * 15).astype(np.uint8)
    images = np.stack([ink, ink // 2, 255 - ink], axis=-1)
    groups = np.arange(400) // 10
    amount = ink.mean((1, 2), dtype=np.float32)
    np.savez(folder / "ink.npz", x=images, y=(amount - amount.mean()) / amount.std(), groups=groups)
    task = ("--data", f"npz:{folder / 'ink.npz'}", "--layout", "nhwc", "--input-dtype", "uint8")
    goal = ("--metric", "mae", "--tolerance", 0.5, "--model-arg", "hidden=48", "--steps", 200)
    return compressed(folder / "run", *task, *goal) | {"run": folder / "run"}


def test_a_regression_is_compressed_and_judged_by_its_own_metric(regression: dict[str, Any]) -> None:
    assert regression["task"]["metric"] == {"name": "mae", "unit": "", "higher_is_better": False}
    assert regression["kind"] == "winning ticket"
    assert all(form["test_metric"] < 0.7 and form["recall"] is None for form in regression["forms"])


def test_related_examples_stay_on_one_side_of_every_split(regression: dict[str, Any]) -> None:
    """Every part holds whole writers, whose images are ten."""
    examples = regression["task"]["examples"]
    assert sum(examples.values()) == 400
    assert all(count > 0 and count % 10 == 0 for count in examples.values())


def test_the_shipped_file_takes_bytes_and_scales_them_itself(regression: dict[str, Any]) -> None:
    (given,) = session(regression["run"] / "package" / "model.onnx").get_inputs()
    assert (given.type, given.shape[1:]) == ("tensor(uint8)", [8, 8, 3])
    manifest = json.loads((regression["run"] / "package" / "manifest.json").read_text())
    assert manifest["inputs"][0]["dtype"] == "uint8"


OWN = """
import numpy as np, torch
from torch import nn

class Twins(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.left, self.right = nn.Linear(32, width), nn.Linear(32, width)
        self.digit, self.ink = nn.Linear(2 * width, 10), nn.Linear(2 * width, 1)

    def forward(self, upper, lower):
        both = torch.relu(torch.cat([self.left(upper), self.right(lower)], 1))
        return self.digit(both), self.ink(both)

def network(width):
    return Twins(width)

def data(count):
    from sklearn.datasets import load_digits
    x, y = load_digits(return_X_y=True)
    x = (x[:count] / 16).astype(np.float32)
    return {"train": ((x[:, :32], x[:, 32:]), (y[:count], x.mean(1, keepdims=True))), "labels": list("abcdefghij")}

def loss(outputs, targets):
    digit = nn.functional.cross_entropy(outputs[0], targets[0])
    return digit + nn.functional.mse_loss(outputs[1], targets[1])

def error(outputs, targets):
    return float((outputs[0].argmax(1) != targets[0]).mean())
"""


def test_a_network_of_two_inputs_and_outputs_with_own_data_loss_and_metric(here: Path) -> None:
    (here / "own.py").write_text(OWN)
    model = ("--model", "./own.py:network", "--model-arg", "width=40")
    data = ("--data", "./own.py:data", "--data-arg", "count=900")
    goal = ("--loss", "./own.py:loss", "--metric", "./own.py:error", "--metric-direction", "lower", "--tolerance", 0.2)
    report = compressed(here / "run", *model, *data, *goal)
    assert sum(report["task"]["examples"].values()) == 900
    assert all(form["test_metric"] < 0.5 for form in report["forms"])
    assert {layer["name"] for layer in report["layers"]} == {f"{n}.weight" for n in ("left", "right", "digit", "ink")}
    verified = verify_package(here / "run" / "package.zip")
    assert len(verified.manifest.inputs) == len(verified.manifest.outputs) == 2
    assert tuple(verified.manifest.labels) == tuple("abcdefghij")


def test_where_nothing_is_within_tolerance_the_curve_is_left_and_the_exit_code_says_so(here: Path) -> None:
    done = lth_edge(
        "compress", "--prune-rate", 0.99, "--tolerance", 0, "--model-arg", "hidden=48", *SMALL, "--out", "run"
    )
    assert done.code == 4
    assert len(done.said) == 2 and "no pruned level is within tolerance" in done.said[0]
    report = Report.load(here / "run" / "report.json").content
    assert (report["kind"], report["chosen"]) == ("no ticket within tolerance", None)
    assert [point["level"] for point in report["curve"]] == [0, 1]
    assert "no ticket within tolerance" in (here / "run" / "report.html").read_text()
    form = report["package"]["form"]
    assert verify_package(here / "run" / "package").manifest.kind == f"{form} network, no ticket"
    assert form in {"dense", "int8"}
