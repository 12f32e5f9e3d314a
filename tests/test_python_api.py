"""The same from Python in a few lines: own loaders, own training loop."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

from lth_edge import Metric, Recipe, Report, Task, Ticket, Training, compress, make_task, verify_package
from lth_edge.errors import TrainingError
from lth_edge.ticket import load_weights

RECIPE = Recipe.from_dict({"find": {"levels": 2, "rewind_step": 5}, "bench": {"processes": 2, "seconds": 0.05}})


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 10))


@pytest.fixture(scope="module")
def loaders() -> dict[str, DataLoader]:
    x, y = load_digits(return_X_y=True)
    everything = TensorDataset(torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y))
    parts = random_split(everything, [1000, 397, 400], torch.Generator().manual_seed(0))
    return {n: DataLoader(p, batch_size=50) for n, p in zip(("train", "validation", "test"), parts, strict=True)}


@pytest.fixture(scope="module")
def task(loaders: dict[str, DataLoader]) -> Task:
    wrong = Metric("share wrong", lambda scores, y: float((scores.argmax(1) != y).mean()), higher_is_better=False)
    return make_task(network, loaders, metric=wrong, tolerance=0.5)


@pytest.fixture(scope="module")
def starts() -> list[int]:
    """The steps that the loop was asked to begin at, level by level."""
    return []


@pytest.fixture(scope="module")
def run(
    task: Task, loaders: dict[str, DataLoader], starts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Report]:
    def loop(training: Training) -> None:
        starts.append(training.start_step)
        optimizer = torch.optim.AdamW(training.network.parameters(), lr=5e-3, weight_decay=0.1)
        training.hold(optimizer)
        for step, (x, y) in enumerate(loaders["train"], training.start_step):
            if step == 5:
                training.rewind_point(5)
            optimizer.zero_grad()
            nn.functional.cross_entropy(training.network(x), y).backward()
            nn.utils.clip_grad_norm_(training.network.parameters(), 1.0)
            optimizer.step()

    folder = tmp_path_factory.mktemp("own") / "run"
    return folder, compress(RECIPE, folder, task=task, loop=loop)


def test_own_loaders_and_loop_find_a_ticket(run: tuple[Path, Report]) -> None:
    folder, report = run
    assert report.content["task"]["examples"] == {"train": 1000, "validation": 397, "test": 400}
    assert report.content["chosen"]["level"] == 2
    assert all(form["test_metric"] < 0.5 for form in report.content["forms"])
    assert verify_package(folder / "package").manifest.recipe_hash == report.content["recipe_hash"]


def test_masks_hold_in_an_own_loop(run: tuple[Path, Report]) -> None:
    first, second = (Ticket.load(run[0] / "seed-0" / f"level-{n:02d}").mask for n in (1, 2))
    assert second.is_nested_in(first) and second.sparsity > first.sparsity > 0


def test_levels_begin_at_the_rewind_point_of_the_loop(run: tuple[Path, Report], starts: list[int]) -> None:
    assert starts == [0, 5, 5]


def test_a_test_set_that_was_given_is_read_once(run: tuple[Path, Report]) -> None:
    content = run[1].content["task"]
    assert (content["test_set"], content["test_reads"]) == ("given", 1)


def test_a_loop_that_never_holds_the_masks_is_refused(task: Task, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"never held the masks"):
        compress(RECIPE, tmp_path / "run", task=task, loop=lambda training: None)
    assert not list((tmp_path / "run").glob("seed-*/*"))


def test_the_report_tells_the_step_that_the_loop_marked(run: tuple[Path, Report]) -> None:
    find = run[1].content["find"]
    assert find["rewind_step"] == 5
    assert "step 5" in find["why"]
    assert "own training function" in find["loop"]


def test_an_own_loop_without_a_rewind_point_goes_back_to_the_start_even_with_norms(tmp_path: Path) -> None:
    x, y = load_digits(return_X_y=True)
    inputs, targets = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)

    def normed() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 10))

    def loop(training: Training) -> None:
        optimizer = torch.optim.Adam(training.network.parameters(), lr=1e-2)
        training.hold(optimizer)
        for _ in range(20):
            optimizer.zero_grad()
            nn.functional.cross_entropy(training.network(inputs[:1000]), targets[:1000]).backward()
            optimizer.step()

    recipe = RECIPE.replace({"find": {"rewind_step": None, "levels": 1}})
    report = compress(recipe, tmp_path / "run", task=make_task(normed, (inputs, targets)), loop=loop)
    assert report.content["find"]["rewind_step"] == 0
    assert "step 0" in report.content["find"]["why"]
    start = load_weights(tmp_path / "run" / "seed-0" / "level-00" / "start.safetensors")
    torch.testing.assert_close(torch.from_numpy(start["0.weight"]), initial(normed))


def initial(build: Callable[[], nn.Module]) -> torch.Tensor:
    torch.manual_seed(0)
    return build()[0].weight.detach()
