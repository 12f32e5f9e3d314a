"""The choice: the sparsest level within tolerance, on validation data alone."""

import dataclasses
from pathlib import Path

import pytest
from digits_nets import digits_task

from lth_edge.find.choose import choose
from lth_edge.find.level import Level
from lth_edge.find.search import Found


def searched(*metrics, seed=0) -> Found:
    levels = [Level(Path(), {"level": i, "validation_metric": value}) for i, value in enumerate(metrics)]
    return Found(seed, levels, "")


def lower_is_better():
    task = digits_task()
    return dataclasses.replace(task, metric=dataclasses.replace(task.metric, higher_is_better=False))


@pytest.mark.parametrize(
    ("metrics", "level"),
    [
        ((90, 90, 90), 2),
        ((90, 91, 89, 88.9), 2),
        ((90, 85, 89.5, 80), 2),
        ((90, 89, 80), 1),
    ],
)
def test_the_sparsest_level_within_tolerance_is_chosen(metrics, level):
    choice = choose(digits_task(), [searched(*metrics)])
    assert choice.level.number == level
    assert "tolerance of 1 %" in choice.why
    assert choice.why.endswith("on validation data")


@pytest.mark.parametrize("metrics", [(90,), (90, 88.9), (90, 80, 70)])
def test_dense_itself_is_never_a_ticket(metrics):
    assert choose(digits_task(), [searched(*metrics)]) is None


def test_where_lower_is_better_a_higher_value_is_worse():
    assert choose(lower_is_better(), [searched(5.0, 5.9, 6.1)]).level.number == 1
    assert choose(lower_is_better(), [searched(5.0, 1.0, 4.0)]).level.number == 2


def test_over_seeds_the_mean_fall_decides_and_the_best_ticket_is_shipped():
    searches = [searched(90, 90, 88.5, seed=0), searched(92, 92, 91.8, seed=1), searched(80, 80, 79.9, seed=2)]
    choice = choose(digits_task(), searches)
    assert (choice.level.number, choice.seed) == (2, 1)
    assert choice.why.endswith("mean of 3 seeds")


def test_where_lower_is_better_the_lowest_seed_is_shipped():
    searches = [searched(5.0, 5.2, seed=0), searched(5.0, 4.8, seed=1)]
    assert choose(lower_is_better(), searches).seed == 1


def test_only_levels_that_all_seeds_have_are_compared():
    searches = [searched(90, 90, 90, 90), searched(90, 90, seed=1)]
    assert choose(digits_task(), searches).level.number == 1
