"""The forecast of training time."""

import pytest
import torch
from torch import nn

import lth_edge.forecast as outlook
from lth_edge.errors import InputError
from lth_edge.find.defaults import fill_in
from lth_edge.find.search import Stage
from lth_edge.forecast import forecast
from lth_edge.progress import Silent
from lth_edge.recipe import Recipe
from lth_edge.tasks.build import load_task, make_task


def test_dense_trained_for_as_many_steps_counts_with_all_of_them() -> None:
    find = {"levels": 3, "controls": True, "dense_longer": True, "control_levels": [2]}
    recipe = Recipe().replace({"task": {"model_args": {"hidden": "8"}}, "train": {"steps": 20}, "find": find})
    task = load_task(recipe.task)
    found = forecast(Stage.of(task, fill_in(recipe, task), "cpu", Silent()), own_loop=False)
    # Dense, three levels, two controls, and as much again as dense and two levels took.
    assert found.hours * 3600 / found.seconds_per_level == pytest.approx(1 + 3 + 2 + 3)


@pytest.mark.parametrize(
    ("store", "more"), [({}, 0), ({"store": "codebook-4"}, 1), ({"store": "auto"}, 4), ({"store": "int8"}, 0)]
)
def test_training_within_codebooks_counts_as_often_as_it_may_come(store: dict[str, str], more: int) -> None:
    changes = {"task": {"model_args": {"hidden": "8"}}, "train": {"steps": 20}, "find": {"levels": 3}, "store": store}
    recipe = Recipe().replace(changes)
    task = load_task(recipe.task)
    found = forecast(Stage.of(task, fill_in(recipe, task), "cpu", Silent()), own_loop=False)
    assert found.hours * 3600 / found.seconds_per_level == pytest.approx(4 + more)


def test_seeds_trained_at_once_count_by_rounds_of_as_many_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"task": {"model_args": {"hidden": "8"}}, "train": {"steps": 20, "jobs": 3}}
    recipe = Recipe().replace(changes | {"find": {"levels": 3, "seeds": [0, 1, 2, 3, 4]}})
    task = load_task(recipe.task)
    stage = Stage.of(task, fill_in(recipe, task), "cpu", Silent())
    for cores, rounds in ((8, 2), (2, 3), (1, 5)):
        monkeypatch.setattr(outlook, "cores", lambda cores=cores: cores)
        found = forecast(stage, own_loop=False)
        assert found.hours * 3600 / found.seconds_per_level == pytest.approx(rounds * 4)


def test_what_bf16_gains_is_measured_and_told() -> None:
    recipe = Recipe().replace({"task": {"model_args": {"hidden": "8"}}, "train": {"steps": 20, "precision": "bf16"}})
    task = load_task(recipe.task)
    found = forecast(Stage.of(task, fill_in(recipe, task), "cpu", Silent()), own_loop=False)
    assert found.step_over_fp32 is not None and found.step_over_fp32 > 0
    told = [line for line in found.lines() if "a step in bf16 takes" in line]
    assert len(told) == 1 and ("nothing is gained" in told[0]) == (found.step_over_fp32 >= 1)


def test_a_network_that_cannot_compute_in_bf16_is_told_before_training() -> None:
    class Determinant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(64, 90)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.linalg.det(self.body(x.flatten(1)).unflatten(1, (10, 3, 3)))

    images = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    task = make_task(Determinant, (images, torch.arange(200) % 10))
    recipe = Recipe().replace({"train": {"steps": 20, "precision": "bf16"}})
    stage = Stage.of(task, fill_in(recipe, task), "cpu", Silent())
    with pytest.raises(InputError, match="does not train in bf16"):
        outlook._step_seconds(stage, 1, 2)
