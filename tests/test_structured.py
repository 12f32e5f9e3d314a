"""Structured tickets as one command: the graph that is shipped is smaller and computes the same."""

import json
from pathlib import Path

import onnx
import pytest
from command import QUICK, lth_edge

from lth_edge import Ticket

SHORT = ("--steps", "60", "--levels", "2", "--prune-rate", "0.3", "--tolerance", "60", "--controls", *QUICK)
MLP = ("--model-arg", "hidden=40,20")
VIT = ("--model", "vit", *(word for pair in ("width=16", "depth=1", "heads=4") for word in ("--model-arg", pair)))
TORCH = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Linear(8, 16), nn.Linear(16, 10)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, images):
        tokens = self.embed(images.flatten(1).unflatten(1, (8, 8)))
        return self.head((tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]).mean(1))
"""


@pytest.fixture(scope="module", params=["mlp", "vit", "torch"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("structured")
    (place / "net.py").write_text(TORCH)
    networks = {"mlp": MLP, "vit": VIT, "torch": ("--model", f"{place / 'net.py'}:Net")}
    folder = place / "run"
    done = lth_edge("compress", *networks[request.param], *SHORT, "--granularity", "unit", "--out", folder)
    assert done.code == 0, done.stderr
    assert "without units that hold" in done.stderr
    return folder


def sizes(path: Path) -> int:
    """Weights in a file."""
    tensors = onnx.load(path).graph.initializer
    return sum(int(onnx.numpy_helper.to_array(t).size) for t in tensors if len(t.dims) == 2)


def test_the_ticket_is_a_dense_graph_of_the_weights_that_are_left(finished: Path) -> None:
    report = json.loads((finished / "report.json").read_text())
    chosen = report["chosen"]
    ticket = Ticket.load(finished / f"seed-{chosen['seed']}" / f"level-{chosen['level']:02d}")
    kept = sum(int(array.sum()) for array in ticket.mask.values() if array.ndim == 2)
    assert sizes(finished / "files" / "ticket.onnx") == kept < sizes(finished / "files" / "dense.onnx")
    assert (finished / "files" / "ticket.onnx").stat().st_size < (finished / "files" / "dense.onnx").stat().st_size
    assert {form["form"] for form in report["proof"]["forms"]} >= {"dense", "ticket"}


def test_its_control_is_a_random_choice_of_as_many_units(finished: Path) -> None:
    levels = json.loads((finished / "report.json").read_text())["levels"]
    chosen = max(level["level"] for level in levels if level["control"])
    left = {level["control"]: level["weights_left"] for level in levels if level["level"] == chosen}
    assert left["random-mask"] == left[""] == left["reinit"]


def test_the_report_says_that_units_have_left_the_graph(finished: Path) -> None:
    told = " ".join((finished / "report.md").read_text().split())
    assert "faster for each unit that has left its graph" in told
    assert "fewer weights, random units" in told


def test_the_package_gives_its_recorded_outputs(finished: Path) -> None:
    done = lth_edge("verify", finished / "package.zip")
    assert done.code == 0, done.stderr
