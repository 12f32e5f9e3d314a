"""Controls: the ticket's mask with other weights, and a random mask with as many."""

import numpy as np
import pytest
from digits_nets import digits_task, half_mask, same, settings

from lth_edge.find.controls import control, random_mask
from lth_edge.find.search import Budget, Stage, find
from lth_edge.find.train import train, weights_of
from lth_edge.progress import Silent
from lth_edge.recipe import FindRecipe, Recipe


@pytest.fixture
def searched(tmp_path):
    """A stage, the jobs it gave, and two levels of seed 2."""
    jobs = []

    def noting(job):
        jobs.append(job)
        return train(job)

    find_recipe = FindRecipe(levels=1, retraining="rewind", rewind_step=0, patience=9, prune_rate=0.5)
    recipe = Recipe(train=settings(), find=find_recipe)
    stage = Stage.of(digits_task(), recipe, "cpu", Silent(), noting)
    return stage, jobs, find(stage, 2, tmp_path, Budget(None)).levels


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
