"""A trained network as the start: evaluated, pruned from where it is, and never called a winning ticket."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from command import QUICK, TINY, Finished, lth_edge
from PIL import Image

from lth_edge import Report, Ticket

FAINT = 8
"""Hidden units of the given network that almost nothing reaches: the first pruning leaves them dead."""


@pytest.fixture(scope="module")
def pruned(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dense network of the finished run, saved as DataParallel would, pruned to 80 % and compacted."""
    folder = tmp_path_factory.mktemp("trained")
    weights = Ticket.load(finished.folder / "seed-0" / "level-00").weights
    weights["1.weight"][:FAINT] *= 1e-4
    torch.save({f"module.{name}": torch.from_numpy(array) for name, array in weights.items()}, folder / "given.pt")
    start = ("--weights", folder / "given.pt", "--normalize", "dataset", *TINY, "--levels", 9)
    search = ("--sparsity", 0.8, "--prune-rate", 0.5, "--tolerance", 100, "--compact", "--learning-rate", 1e-4)
    done = lth_edge("compress", *start, *search, *QUICK, "--out", folder / "run")
    assert done.code == 0, done.stderr
    return folder / "run"


def test_level_0_is_the_given_network_untrained(pruned: Path, finished: Finished) -> None:
    level = Ticket.load(pruned / "seed-0" / "level-00")
    assert level.facts["steps"] == 0
    given = Ticket.load(finished.folder / "seed-0" / "level-00").weights
    assert np.array_equal(level.weights["3.weight"], given["3.weight"])


def test_the_report_says_pruned_from_trained_weights(pruned: Path) -> None:
    report = Report.load(pruned / "report.json").content
    assert report["kind"] == "pruned from trained weights"
    assert report["find"]["retraining"] == "learning-rate"
    page = (pruned / "report.html").read_text()
    assert "pruned from trained weights" in page and "winning ticket" not in page


def test_the_search_ends_exactly_at_the_sparsity_asked_for(pruned: Path) -> None:
    chosen = Report.load(pruned / "report.json").content["chosen"]
    mask = Ticket.load(pruned / "seed-0" / f"level-{chosen['level']:02d}").mask
    assert mask.kept == math.ceil(0.2 * mask.size - 1e-6)


def test_dead_units_are_gone_and_the_report_says_what_that_gained(pruned: Path) -> None:
    compact = Report.load(pruned / "report.json").content["compact"]
    assert compact["applied"] and compact["bytes_after"] < compact["bytes_before"]
    assert {r["layer"].removesuffix(".T") for r in compact["removals"]} == {"1.weight"}
    assert sum(r["folded"] + r["unused"] for r in compact["removals"]) >= FAINT


def image_folder(root: Path) -> Path:
    """Forty images, red ones and blue ones."""
    random = np.random.default_rng(0)
    for name, colour in {"red": (200, 30, 30), "blue": (30, 30, 200)}.items():
        (root / name).mkdir(parents=True)
        for index in range(20):
            pixels = np.array(colour) + random.normal(0, 20, (64, 64, 3))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(root / name / f"{index}.png")
    return root


def test_a_torchvision_network_from_given_weights_goes_through_on_a_folder_of_images(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18(num_classes=2).state_dict(), tmp_path / "given.pt")
    task = (
        "--model",
        "torchvision:resnet18",
        "--weights",
        tmp_path / "given.pt",
        "--normalize",
        "imagenet",
        "--image-size",
        32,
    )
    data = ("--data", f"folder:{image_folder(tmp_path / 'images')}", "--tolerance", 100)
    search = ("--levels", 1, "--prune-rate", 0.95, "--steps", 4, "--batch-size", 8, "--threads", 1, "--bench-batch", 2)
    done = lth_edge("compress", *task, *data, *search, *QUICK, "--out", tmp_path / "run")
    assert done.code == 0, done.stderr
    report = Report.load(tmp_path / "run" / "report.json").content
    assert report["kind"] == "pruned from trained weights"
    assert report["task"]["labels"] == ["blue", "red"]
    assert {proof["form"] for proof in report["proof"]["forms"]} == {form["name"] for form in report["forms"]} - {
        "int8"
    }
    assert all(proof["max_error"] <= proof["limit"] for proof in report["proof"]["forms"])
    assert len(report["layers"]) == 21 and all(layer["kept"] < layer["weights"] for layer in report["layers"])
    assert (tmp_path / "run" / "package.zip").is_file() and (tmp_path / "run" / "report.html").is_file()
