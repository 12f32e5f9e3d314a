"""Methods: the masks of one-shot and gradual pruning beside those of iterative pruning, level by level."""

import dataclasses

import numpy as np
import pytest
from digits_nets import digits_task, normed, perceptron, same, settings

from lth_edge.errors import RecipeError
from lth_edge.find.controls import control
from lth_edge.find.defaults import fill_in
from lth_edge.find.prune import fewest_kept
from lth_edge.find.search import Budget, Stage, find
from lth_edge.find.train import train, weights_of
from lth_edge.progress import Silent
from lth_edge.recipe import FindRecipe, Recipe


def stage(build=perceptron, steps=24, **changes) -> tuple[Stage, list]:
    jobs = []

    def noting(job):
        jobs.append(job)
        return train(job)

    fields = {"levels": 3, "retraining": "rewind", "rewind_step": 0, "patience": 50, "output_prune_rate": 0.1}
    recipe = Recipe(train=settings(steps=steps), find=FindRecipe(**{**fields, **changes}))
    return Stage.of(digits_task(build), recipe, "cpu", Silent(), noting), jobs


def run(folder, **changes):
    at, jobs = stage(**changes)
    return find(at, 0, folder, Budget(None)), jobs, at


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    return {how: run(tmp_path_factory.mktemp(how), find=how) for how in ("iterative", "one-shot", "gradual")}


@pytest.mark.parametrize("how", ["one-shot", "gradual"])
def test_levels_keep_as_many_weights_as_those_of_iterative_pruning(searches, how):
    reference = [level.mask() for level in searches["iterative"][0].levels]
    for number, level in enumerate(searches[how][0].levels):
        counts = {name: int(kept.sum()) for name, kept in level.mask().items()}
        assert counts == pytest.approx({n: int(k.sum()) for n, k in reference[number].items()}, abs=1)


def test_one_shot_prunes_what_is_smallest_in_the_dense_network(searches):
    found, _, _ = searches["one-shot"]
    dense, mask = found.levels[0].end(), found.levels[3].mask()
    for name, kept in mask.items():
        assert np.abs(dense[name][kept]).min() >= np.abs(dense[name][~kept]).max()


def test_one_shot_rewinds_as_iterative_pruning_does(searches):
    found, jobs, at = searches["one-shot"]
    assert all(same(job.start.weights, weights_of(at.task.network(0))) for job in jobs[1:])
    assert len(found.levels) == 4


@pytest.mark.parametrize("retraining", ["learning-rate", "fine-tune"])
def test_one_shot_without_rewinding_goes_on_from_dense(tmp_path, retraining):
    found, jobs, _ = run(tmp_path, find="one-shot", retraining=retraining)
    assert all(same(job.start.weights, found.levels[0].end()) for job in jobs[1:])


def test_gradual_pruning_ends_with_zeros_where_its_mask_prunes(searches):
    found, jobs, _ = searches["gradual"]
    for level in found.levels[1:]:
        for weights in (level.end(), level.ticket().weights):
            assert not any(weights[name][~kept].any() for name, kept in level.mask().items())
    assert all(job.mask.sparsity == 0 for job in jobs)


def test_gradual_pruning_reports_no_checkpoint_from_before_its_last_pruning(tmp_path):
    found, jobs, _ = run(tmp_path, find="gradual", steps=80, levels=1)
    last = max(step for step in range(81) if jobs[1].narrowing.due(step))
    assert last == 56
    assert found.levels[1].facts["best_step"] >= last


def test_the_share_left_falls_along_a_cubic_curve(searches):
    narrowing = run_narrowing(searches)
    weights = searches["gradual"][0].levels[0].end()
    steps = [step for step in range(200) if narrowing.due(step)]
    sparsities = [narrowing.mask(step, weights).sparsity for step in steps]
    first, final = steps[0], steps[-1]
    for step, sparsity in zip(steps, sparsities, strict=True):
        expected = sparsities[-1] * (1 - (1 - (step - first) / (final - first)) ** 3)
        assert sparsity == pytest.approx(expected, abs=2e-3)
    assert (first, final, len(steps)) == (20, 140, 51)


def run_narrowing(searches):
    return dataclasses.replace(searches["gradual"][1][-1].narrowing, steps=200)


@pytest.mark.parametrize("how", ["one-shot", "gradual"])
def test_a_named_sparsity_is_reached_in_one_level(tmp_path, how):
    found, jobs, _ = run(tmp_path, find=how, sparsity=0.9, levels=30)
    assert len(jobs) == len(found.levels) == 2
    mask = found.levels[1].mask()
    assert mask.kept == fewest_kept(mask.size, 0.9)
    assert found.stopped == "reached the sparsity asked for, 90.0%"


@pytest.mark.parametrize("how", ["one-shot", "gradual"])
def test_a_finished_search_is_read_back_and_one_cut_short_goes_on_with_the_same_bits(tmp_path, how):
    whole, _, _ = run(tmp_path / "whole", find=how, levels=2)
    run(tmp_path / "cut", find=how, levels=1)
    resumed, jobs, _ = run(tmp_path / "cut", find=how, levels=2)
    assert len(jobs) == 1
    assert all(
        same(a.end(), b.end()) and same(a.mask(), b.mask()) for a, b in zip(whole.levels, resumed.levels, strict=True)
    )


def test_units_are_pruned_level_by_level_or_at_once(tmp_path):
    for how in ("iterative", "one-shot"):
        found, _, _ = run(tmp_path / how, find=how, granularity="unit")
        kept = [int(level.mask()["1.weight"].any(axis=1).sum()) for level in found.levels]
        assert kept[0] == 20 and kept == sorted(kept, reverse=True) and kept[-1] in {10, 11}


def test_a_network_that_runs_out_of_units_ends_the_search(tmp_path):
    found, _, _ = run(tmp_path, granularity="unit", prune_rate=0.9, levels=9)
    assert found.stopped == "nothing is left to prune at this rate"


def test_the_random_mask_of_a_structured_ticket_takes_whole_units(tmp_path):
    found, _, at = run(tmp_path, granularity="unit", levels=2)
    level = control(at, "random-mask", 0, found.levels, 2, tmp_path)
    units = level.mask()["1.weight"].any(axis=1)
    assert units.sum() == found.levels[2].mask()["1.weight"].any(axis=1).sum()
    assert (level.mask()["3.weight"].any(axis=0) == units).all()


def test_dense_longer_trains_every_weight_for_as_many_steps_as_all_levels_took(tmp_path):
    found, jobs, at = run(tmp_path, levels=2)
    level = control(at, "dense-longer", 0, found.levels, 2, tmp_path)
    assert level.mask().sparsity == 0
    assert level.facts["steps"] == 3 * 24 == sum(entry.facts["steps"] for entry in found.levels)
    assert jobs[-1].settings.steps == 72 and jobs[-1].snapshot_step is None
    assert same(jobs[-1].start.weights, weights_of(at.task.network(0)))
    assert (level.facts["control"], level.facts["level"]) == ("dense-longer", 2)


@pytest.mark.parametrize(
    ("changes", "own_loop", "message"),
    [
        ({}, True, "--find gradual needs lth-edge's own training loop"),
        ({"granularity": "unit"}, False, "takes out single weights"),
        ({"rewind_step": 20}, False, "after the last pruning"),
    ],
)
def test_what_gradual_pruning_cannot_do_is_refused_before_anything_is_trained(changes, own_loop, message):
    recipe = Recipe(train=settings(), find=FindRecipe(find="gradual", **changes))
    with pytest.raises(RecipeError, match=message):
        fill_in(recipe, digits_task(), own_loop)


def test_a_rewind_to_the_very_step_of_the_last_pruning_is_refused():
    """It would train dense: the last pruning comes after 70 of 101 steps, and training would begin behind it."""
    recipe = Recipe(train=settings(steps=101), find=FindRecipe(find="gradual", rewind_step=70))
    with pytest.raises(RecipeError, match="after the last pruning"):
        fill_in(recipe, digits_task())


def test_a_longer_dense_training_is_not_asked_of_a_loop_that_decides_its_length_itself():
    recipe = Recipe(train=settings(), find=FindRecipe(dense_longer=True))
    with pytest.raises(RecipeError, match="--dense-longer needs lth-edge's own training loop"):
        fill_in(recipe, digits_task(), own_loop=True)


def test_precision_with_a_loop_of_ones_own_is_refused():
    with pytest.raises(RecipeError, match="--precision bf16 needs lth-edge's own training loop"):
        fill_in(Recipe().replace({"train": {"precision": "bf16"}}), digits_task(), own_loop=True)


def test_units_are_not_ranked_as_weights_are():
    recipe = Recipe(train=settings(), find=FindRecipe(granularity="unit", rank="clustered"))
    with pytest.raises(RecipeError, match="ranks single weights"):
        fill_in(recipe, digits_task())


@pytest.mark.parametrize("find", [{"granularity": "unit"}, {"rank": "clustered"}])
def test_the_files_of_tickets_that_lose_units_are_compact(find):
    recipe = Recipe(train=settings(), find=FindRecipe(**find))
    assert fill_in(recipe, digits_task()).store.compact
    assert not fill_in(Recipe(train=settings()), digits_task()).store.compact


def test_batch_norm_and_dropout_bear_gradual_pruning(tmp_path):
    found, _, _ = run(tmp_path, build=normed, find="gradual", levels=1)
    assert found.levels[1].mask().sparsity == pytest.approx(0.1, abs=0.02)
