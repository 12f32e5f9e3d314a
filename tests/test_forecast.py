"""The forecast of training time."""

import pytest

from lth_edge.find.defaults import fill_in
from lth_edge.find.search import Stage
from lth_edge.forecast import forecast
from lth_edge.progress import Silent
from lth_edge.recipe import Recipe
from lth_edge.tasks.build import load_task


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


def test_seeds_trained_at_once_take_the_time_of_one() -> None:
    changes = {"task": {"model_args": {"hidden": "8"}}, "train": {"steps": 20, "jobs": 2}}
    recipe = Recipe().replace(changes | {"find": {"levels": 3, "seeds": [0, 1, 2]}})
    task = load_task(recipe.task)
    found = forecast(Stage.of(task, fill_in(recipe, task), "cpu", Silent()), own_loop=False)
    assert found.hours * 3600 / found.seconds_per_level == pytest.approx(2 * 4)
