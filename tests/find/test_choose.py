"""The choice: the sparsest level within tolerance, on validation data alone."""

import dataclasses
from pathlib import Path

import pytest
from digits_nets import digits_task

from lth_edge.find.choose import Choice, choose
from lth_edge.find.level import Level
from lth_edge.find.search import Found
from lth_edge.findings import kind_of


def searched(*metrics, seed=0, cut_short=False) -> Found:
    facts = ({"level": i, "validation_metric": v, "weights_left": 0.8**i} for i, v in enumerate(metrics))
    levels = [Level(Path(), each) for each in facts]
    return Found(seed, levels, "", cut_short)


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


def test_the_order_in_which_levels_were_trained_does_not_matter():
    """An automatic search goes back from what it lost, and may find a level within tolerance in between."""
    facts = [(1.0, 90), (0.1, 89.5), (0.05, 80), (0.2, 91)]
    levels = [
        Level(Path(), {"level": i, "weights_left": left, "validation_metric": metric})
        for i, (left, metric) in enumerate(facts)
    ]
    assert choose(digits_task(), [Found(0, levels, "")]).level.number == 1


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


def test_a_seed_that_stopped_earlier_for_tolerance_rules_out_what_it_never_reached():
    searches = [searched(90, 90, 90, 90), searched(90, 90, seed=1)]
    assert choose(digits_task(), searches).level.number == 1


def test_a_seed_that_the_budget_cut_short_has_no_say_on_levels_that_it_never_reached():
    searches = [searched(90, 90, 90, 90), searched(90, 70, seed=1, cut_short=True)]
    choice = choose(digits_task(), searches)
    assert (choice.level.number, choice.seed) == (3, 0)
    assert "seeds" not in choice.why


def test_a_seed_that_was_cut_short_still_votes_on_the_levels_that_it_has():
    searches = [searched(90, 90, 80), searched(90, 70, seed=1, cut_short=True)]
    assert choose(digits_task(), searches) is None


@pytest.mark.parametrize(
    ("retraining", "given", "kind"),
    [
        ("rewind", None, "winning ticket"),
        ("learning-rate", None, "pruned, not rewound"),
        ("fine-tune", None, "pruned, not rewound"),
        ("rewind", {}, "pruned from trained weights"),
        ("fine-tune", {}, "pruned from trained weights"),
    ],
)
def test_a_ticket_is_won_only_where_it_is_rewound_from_the_networks_own_initialisation(retraining, given, kind):
    task = dataclasses.replace(digits_task(), given=given)
    choice = Choice(0, Level(Path(), {"retraining": retraining}), "")
    assert (kind_of(task, choice), kind_of(task, None)) == (kind, "no ticket within tolerance")
