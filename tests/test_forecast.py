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
