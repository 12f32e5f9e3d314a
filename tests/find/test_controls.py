"""Controls: the ticket's mask with other weights, and a random mask with as many."""

import dataclasses

import numpy as np
import pytest
from digits_nets import digits_task, half_mask, same, settings

from lth_edge.find.controls import control, random_mask
from lth_edge.find.search import Budget, Found, Stage, find
from lth_edge.find.seeds import train_controls
from lth_edge.find.train import train, weights_of
from lth_edge.progress import Silent
from lth_edge.recipe import FindRecipe, Recipe
from lth_edge.run import Run


@pytest.fixture
def searched(tmp_path):
    """A stage that rewinds to the initialisation, the jobs it gave, and two levels of seed 2."""
    return search_by("rewind", 1, tmp_path)


def search_by(retraining, levels, folder):
    jobs = []

    def noting(job):
        jobs.append(job)
        return train(job)

    find_recipe = FindRecipe(levels=levels, retraining=retraining, rewind_step=0, patience=9, prune_rate=0.5)
    recipe = Recipe(train=settings(), find=find_recipe)
    stage = Stage.of(digits_task(), recipe, "cpu", Silent(), noting)
    return stage, jobs, find(stage, 2, folder, Budget(None)).levels


def test_reinit_has_the_tickets_mask_and_a_fresh_initialisation(searched, tmp_path):
    stage, jobs, levels = searched
    level = control(stage, "reinit", 2, levels, 1, tmp_path)
    assert same(level.mask(), levels[1].mask())
    original, fresh = weights_of(stage.task.network(2)), jobs[-1].start.weights
    assert not any(np.array_equal(original[name], fresh[name]) for name in level.mask())
    assert not same(level.end(), levels[1].end())
    assert (level.facts["control"], level.facts["steps"]) == ("reinit", levels[1].facts["steps"])


def test_random_mask_keeps_the_start_and_the_count_per_layer(searched, tmp_path):
    stage, jobs, levels = searched
    level = control(stage, "random-mask", 2, levels, 1, tmp_path)
    ticket = levels[1].mask()
    assert same(jobs[-1].start.weights, weights_of(stage.task.network(2)))
    assert {n: k.sum() for n, k in level.mask().items()} == {n: k.sum() for n, k in ticket.items()}
    assert not any(np.array_equal(level.mask()[name], ticket[name]) for name in ticket)


def test_a_finished_control_is_read_back(searched, tmp_path):
    stage, jobs, levels = searched
    first = control(stage, "random-mask", 2, levels, 1, tmp_path)
    trained = len(jobs)
    assert control(stage, "random-mask", 2, levels, 1, tmp_path).facts == first.facts
    assert len(jobs) == trained


def test_a_control_lies_beside_its_level(searched, tmp_path):
    stage, _, levels = searched
    assert control(stage, "reinit", 2, levels, 1, tmp_path).folder == tmp_path / "level-01-reinit"


def test_random_masks_follow_from_their_seed():
    mask = half_mask(digits_task().network(0))
    assert same(random_mask(mask, 1), random_mask(mask, 1))
    assert not same(random_mask(mask, 1), random_mask(mask, 2))


def test_reinit_is_trained_over_the_whole_schedule_where_tickets_are_fine_tuned(tmp_path):
    stage, jobs, levels = search_by("fine-tune", 1, tmp_path)
    level = control(stage, "reinit", 2, levels, 1, tmp_path)
    assert [job.constant_rate for job in jobs] == [False, True, False]
    assert (jobs[-1].start.step, level.facts["steps"]) == (0, 24)


@pytest.mark.parametrize("retraining", ["learning-rate", "fine-tune"])
def test_random_mask_starts_from_the_dense_weights_where_nothing_is_rewound(tmp_path, retraining):
    stage, jobs, levels = search_by(retraining, 2, tmp_path)
    control(stage, "random-mask", 2, levels, 2, tmp_path)
    ticket, random = jobs[-2:]
    assert same(random.start.weights, levels[0].end())
    assert random.constant_rate == ticket.constant_rate


@pytest.mark.parametrize(("limit", "kinds"), [(None, ["reinit", "random-mask"]), (1e-9, ["reinit"])])
def test_controls_are_trained_while_the_budget_lasts(searched, tmp_path, limit, kinds):
    stage, _, levels = searched
    asked = dataclasses.replace(stage.recipe.find, controls=True, control_levels=(1,))
    stage = dataclasses.replace(stage, recipe=dataclasses.replace(stage.recipe, find=asked))
    trained = train_controls(stage, Run(tmp_path, {}).seed, [Found(2, levels, "")], None, Budget(limit))
    assert [level.facts["control"] for level in trained] == kinds


def test_a_level_that_no_seed_reached_is_named_where_controls_of_it_were_asked_for(searched, tmp_path):
    told: list[str] = []
    progress = Silent()
    progress.line = told.append
    stage, _, levels = searched
    asked = dataclasses.replace(stage.recipe.find, controls=True, control_levels=(1, 7, 15))
    stage = dataclasses.replace(stage, recipe=dataclasses.replace(stage.recipe, find=asked), progress=progress)
    found = [Found(2, levels, ""), Found(3, levels[:1], "")]
    assert len(list(train_controls(stage, Run(tmp_path, {}).seed, found, None, Budget(None)))) == 2
    assert told[0] == "controls: none of level 7, 15, which no seed reached"
