"""The search: when it stops, that it goes on where it was left, and what each way of retraining starts from."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from digits_nets import digits_task, normed, perceptron, same, settings

from lth_edge.errors import DamagedError
from lth_edge.find import search
from lth_edge.find.level import Level
from lth_edge.find.prune import prune
from lth_edge.find.search import Budget, Stage, find
from lth_edge.find.train import train, weights_of
from lth_edge.progress import Silent
from lth_edge.recipe import FindRecipe, Recipe
from lth_edge.ticket import Mask, load_weights


class Counting:
    """lth-edge's own trainer, and the jobs it was given."""

    def __init__(self):
        self.jobs = []

    def __call__(self, job):
        self.jobs.append(job)
        return train(job)


def stage(task=None, train_changes=None, **changes) -> Stage:
    fields = {"levels": 3, "retraining": "rewind", "rewind_step": 0, "patience": 50, "output_prune_rate": 0.1}
    recipe = Recipe(train=settings(**(train_changes or {})), find=FindRecipe(**{**fields, **changes}))
    return Stage.of(task or digits_task(), recipe, "cpu", Silent(), Counting())


def run(folder, budget=None, seed=0, **changes):
    at = stage(**changes)
    return find(at, seed, folder, Budget(budget)), at.trainer.jobs


def scored(*values, tolerance=1.0):
    """A task whose validation metric takes these values, one per evaluation of a level."""
    left = list(values)
    task = digits_task(tolerance=tolerance)
    metric = dataclasses.replace(task.metric, function=lambda outputs, targets: left.pop(0))
    return dataclasses.replace(task, metric=metric)


ONCE = {"evaluate_every": 24}


def test_levels_prune_what_is_smallest_at_the_end_of_training(tmp_path):
    """Rankings come from the end weights, not from the best checkpoint, which differs here."""
    found, jobs = run(tmp_path, train_changes={"learning_rate": 0.1, "milestones": (), "evaluate_every": 4})
    rates = {"1.weight": 0.2, "3.weight": 0.1}
    assert any(level.facts["best_step"] < 24 for level in found.levels[:-1])
    for before, after in zip(found.levels, found.levels[1:], strict=False):
        assert same(prune(before.end(), before.mask(), rates, "layer"), after.mask())
        assert after.mask().is_nested_in(before.mask())
    assert len(jobs) == 4


def test_both_checkpoints_of_a_level_are_kept_and_pruned(tmp_path):
    found, _ = run(tmp_path, train_changes={"learning_rate": 0.1, "milestones": (), "evaluate_every": 4})
    level = min(found.levels, key=lambda entry: entry.facts["best_step"])
    ticket = level.ticket()
    assert not same(ticket.weights, level.end())
    for weights in (ticket.weights, level.end()):
        assert all(not any(weights[name][~kept].tobytes()) for name, kept in level.mask().items())


def test_at_step_0_every_ticket_starts_bit_for_bit_from_the_original_initialisation(tmp_path):
    at = stage()
    find(at, 3, tmp_path, Budget(None))
    original = weights_of(at.task.network(3))
    assert all(same(job.start.weights, original) and job.start.step == 0 for job in at.trainer.jobs)
    assert len({job.mask.kept for job in at.trainer.jobs}) == 4


def test_a_late_rewind_goes_back_to_weights_buffers_optimizer_and_random_state_of_step_k(tmp_path):
    task = digits_task(normed)
    _, jobs = run(tmp_path, task=task, rewind_step=9, levels=2)
    dense = train(dataclasses.replace(jobs[0], network=task.network(0)))
    for job in jobs[1:]:
        assert job.start.step == 9
        assert same(job.start.weights, dense.snapshot.weights)
        assert same(job.start.state, dense.snapshot.state)
    assert {"rng", "0.exp_avg", "0.exp_avg_sq", "0.step"} <= jobs[1].start.state.keys()


@pytest.mark.parametrize(("retraining", "constant"), [("learning-rate", False), ("fine-tune", True)])
def test_retraining_without_rewinding_the_weights_starts_from_the_level_before(tmp_path, retraining, constant):
    found, jobs = run(tmp_path, retraining=retraining)
    for job, before in zip(jobs[1:], found.levels, strict=False):
        assert same(job.start.weights, before.end())
        assert (job.start.step, job.constant_rate) == (0, constant)
    assert not jobs[0].constant_rate


def test_it_stops_after_patience_many_levels_below_tolerance_beyond_the_first(tmp_path):
    task = scored(90, 89.5, 88, 89.2, 88, 88, 88)
    found, _ = run(tmp_path, task=task, train_changes=ONCE, patience=1, levels=9)
    assert len(found.levels) == 6
    assert found.stopped == "accuracy on validation data was more than 1 worse than dense for 2 levels in a row"


def test_without_patience_the_first_level_below_tolerance_ends_it(tmp_path):
    found, _ = run(tmp_path, task=scored(90, 89, 88.9, 95), train_changes=ONCE, patience=0, levels=9)
    assert len(found.levels) == 3


def test_where_lower_is_better_a_rise_is_a_fall(tmp_path):
    task = scored(1.0, 1.9, 2.1)
    task = dataclasses.replace(task, metric=dataclasses.replace(task.metric, higher_is_better=False))
    found, _ = run(tmp_path, task=task, train_changes=ONCE, patience=0, levels=9)
    assert len(found.levels) == 3


@pytest.mark.parametrize("sparsity", [0.3, 0.45, 1 / 3])
def test_it_ends_on_the_sparsity_asked_for(tmp_path, sparsity):
    found, _ = run(tmp_path, sparsity=sparsity, levels=9)
    mask = found.levels[-1].mask()
    assert mask.kept == int(np.ceil((1 - sparsity) * mask.size - 1e-6))
    assert found.stopped.startswith("reached the sparsity asked for")
    assert found.levels[-2].mask().sparsity < sparsity


def test_it_stops_after_the_levels_asked_for(tmp_path):
    found, _ = run(tmp_path, levels=2)
    assert [level.number for level in found.levels] == [0, 1, 2]
    assert found.stopped == "reached the 2 levels asked for"


def test_it_stops_where_another_level_would_pass_the_budget():
    budget = Budget(10.0)
    budget.add(4.0)
    assert not budget.exhausted()
    budget.add(3.0)
    assert budget.exhausted()


def test_a_budget_that_is_spent_leaves_the_dense_level(tmp_path):
    found, _ = run(tmp_path, budget=1e-9, levels=9)
    assert [level.number for level in found.levels] == [0]
    assert "budget" in found.stopped


def test_a_search_without_budget_never_spends_one():
    budget = Budget(None)
    budget.add(1e12)
    assert not budget.exhausted()


def test_where_no_weight_can_go_it_says_so(tmp_path):
    found, _ = run(tmp_path, prune_rate=1e-6, output_prune_rate=0.0)
    assert found.stopped == "nothing is left to prune at this rate"


def test_finished_levels_are_not_trained_again(tmp_path):
    first, _ = run(tmp_path)
    again, jobs = run(tmp_path)
    assert jobs == []
    assert [level.facts for level in again.levels] == [level.facts for level in first.levels]


@pytest.mark.parametrize("build", [perceptron, normed])
@pytest.mark.parametrize("left_at", [0, 1, 2])
def test_a_resumed_search_gives_bit_equal_masks_and_weights(tmp_path, build, left_at):
    task, rewind_step = digits_task(build), 9
    whole, _ = run(tmp_path / "whole", task=task, rewind_step=rewind_step)
    if left_at:
        run(tmp_path / "resumed", task=task, rewind_step=rewind_step, levels=left_at)
    resumed, jobs = run(tmp_path / "resumed", task=task, rewind_step=rewind_step)
    assert len(jobs) == (3 - left_at if left_at else 4)
    for left, right in zip(whole.levels, resumed.levels, strict=True):
        assert same(left.mask(), right.mask())
        assert same(left.ticket().weights, right.ticket().weights)
        assert same(left.end(), right.end())


def test_a_level_trained_under_another_mask_is_trained_again(tmp_path):
    run(tmp_path, levels=2)
    found, jobs = run(tmp_path, levels=2, scope="global", prune_rate=0.3)
    assert [job.mask.kept for job in jobs] == [level.mask().kept for level in found.levels[1:]]
    fresh, _ = run(tmp_path / "fresh", levels=2, scope="global", prune_rate=0.3)
    assert same(found.levels[2].end(), fresh.levels[2].end())


def test_a_damaged_level_is_named_with_the_mend(tmp_path):
    run(tmp_path, levels=1)
    (tmp_path / "level-01" / "weights.safetensors").write_bytes(b"not tensors")
    with pytest.raises(DamagedError, match=r"remove .*level-01 to train this level again"):
        run(tmp_path, levels=1)


def test_a_trained_network_is_evaluated_at_level_0_and_not_retrained(tmp_path):
    task = digits_task()
    trained, _ = run(tmp_path / "first", levels=1)
    given = dataclasses.replace(task, given={n: torch.from_numpy(a) for n, a in trained.levels[0].end().items()})
    found, jobs = run(tmp_path / "second", task=given, retraining="learning-rate", levels=2)
    assert len(jobs) == 2
    assert found.levels[0].facts["steps"] == 0
    assert same(found.levels[0].end(), trained.levels[0].end())
    assert same(jobs[0].start.weights, trained.levels[0].end())


def test_weights_that_are_given_can_be_what_a_rewind_goes_back_to(tmp_path):
    task = digits_task()
    given = dataclasses.replace(task, given={n: t + 0.01 for n, t in task.network(1).state_dict().items()})
    _, jobs = run(tmp_path, task=given, retraining="rewind", levels=1)
    assert same(jobs[0].start.weights, {name: tensor.numpy() for name, tensor in given.given.items()})


def test_every_level_says_what_it_was_trained_with(tmp_path):
    run(tmp_path, levels=1, seed=5, rewind_step=9)
    facts = json.loads((tmp_path / "level-01" / "ticket.json").read_text())
    assert facts["seeds"] == {"initialisation": 5, "data_order": 5, "split": 0}
    assert (facts["level"], facts["steps"], facts["rewind_step"], facts["control"]) == (1, 15, 9, "")
    assert facts["sparsity"] + facts["weights_left"] == pytest.approx(1)
    assert facts["sparsity"] == pytest.approx(Mask.load(tmp_path / "level-01" / "mask.safetensors").sparsity)


def test_a_level_that_fails_to_train_leaves_no_folder(tmp_path):
    run(tmp_path, levels=1)

    def fails(job):
        raise KeyboardInterrupt

    at = dataclasses.replace(stage(levels=2), trainer=fails)
    with pytest.raises(KeyboardInterrupt):
        find(at, 0, tmp_path, Budget(None))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["level-00", "level-01"]


def test_dense_keeps_what_a_rewind_needs_and_the_other_levels_do_not(tmp_path):
    run(tmp_path, levels=1)
    names = {level: {path.name for path in (tmp_path / level).iterdir()} for level in ("level-00", "level-01")}
    assert names["level-00"] - names["level-01"] == {"start.safetensors", "state.safetensors"}
    assert "rng" in load_weights(tmp_path / "level-00" / "state.safetensors")


def test_a_level_is_read_back_under_its_own_mask_alone(tmp_path):
    found, _ = run(tmp_path, levels=1)
    mask = found.levels[1].mask()
    other = Mask({name: ~kept for name, kept in mask.items()})
    assert Level.load(tmp_path / "level-01", mask).facts == found.levels[1].facts
    assert Level.load(tmp_path / "level-01", other) is None
    assert Level.load(tmp_path / "level-07", mask) is None


def test_a_progress_title_names_seed_level_control_and_weights_left():
    facts = {"level": 2, "control": "reinit", "weights_left": 0.64}
    assert search.title(1, facts) == "seed 1, level 2 (reinit), 64.0% of the weights"
