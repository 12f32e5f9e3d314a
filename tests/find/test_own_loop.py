"""The user's own training loop: masks hold in it, whatever it does, and forgetting them is an error."""

import copy

import numpy as np
import pytest
import torch
from digits_nets import digits, digits_task, half_mask, job, perceptron, same, settings
from torch import nn
from torch.optim import SGD, Adam, AdamW

from lth_edge.errors import TrainingError
from lth_edge.find.own import own_trainer
from lth_edge.find.search import Budget, Stage, find
from lth_edge.find.train import Start, weights_of
from lth_edge.progress import Silent
from lth_edge.recipe import FindRecipe, Recipe
from lth_edge.tasks.build import make_task


def steps(training, optimizer, count=6):
    """A plain loop over the digits."""
    x, y = digits()
    for step in range(training.start_step, count):
        part = slice(32 * step, 32 * step + 32)
        optimizer.zero_grad()
        nn.functional.cross_entropy(training.network(x[part]), y[part]).backward()
        yield step
        optimizer.step()


def plain(training):
    optimizer = Adam(training.network.parameters(), 1e-2)
    training.hold(optimizer)
    for _ in steps(training, optimizer):
        pass


def mixed_precision(training):
    x, y = digits()
    optimizer = SGD(training.network.parameters(), 0.05, momentum=0.9)
    training.hold(optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for step in range(6):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(training.network(x[:64]), y[:64])
        # One step overflows: the scaler skips it.
        scaler.scale(loss * (torch.inf if step == 2 else 1)).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(training.network.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()


def averaged(training):
    optimizer = AdamW(training.network.parameters(), 1e-2, weight_decay=0.1)
    training.hold(optimizer)
    average = copy.deepcopy(training.network)
    for _ in steps(training, optimizer):
        with torch.no_grad():
            for mean, now in zip(average.parameters(), training.network.parameters(), strict=True):
                mean.lerp_(now, 0.3)
    return average.state_dict()


@pytest.mark.parametrize("loop", [plain, mixed_precision, averaged])
def test_masks_hold_in_any_loop_and_it_learns(loop):
    task = digits_task()
    mask = half_mask(task.network(0))
    todo = job(task, mask)
    trained = own_trainer(loop)(todo)
    for weights in (trained.end, trained.best):
        assert all(not weights[name][~kept].any() for name, kept in mask.items())
        assert all(np.isfinite(array).all() for array in weights.values())
    assert not same(trained.end, mask.apply(todo.start.weights))
    assert trained.evaluation.metric > 10


def test_a_returned_state_dict_is_shipped_and_the_last_weights_are_ranked():
    trained = own_trainer(averaged)(job(digits_task()))
    assert not same(trained.best, trained.end)
    silent = own_trainer(plain)(job(digits_task()))
    assert same(silent.best, silent.end)


def test_clipping_by_norm_ignores_pruned_weights():
    """The norm that clipping sees is that of the kept weights' gradients."""
    task = digits_task()
    mask = half_mask(task.network(0))
    seen = {}

    def clipped(training):
        optimizer = SGD(training.network.parameters(), 0.1)
        training.hold(optimizer)
        for _ in steps(training, optimizer, 1):
            seen["gradients"] = {n: p.grad.numpy().copy() for n, p in training.network.named_parameters()}
            seen["norm"] = float(nn.utils.clip_grad_norm_(training.network.parameters(), 1e-3))

    own_trainer(clipped)(job(task, mask))
    kept = [array[mask[name]] if name in mask else array for name, array in seen["gradients"].items()]
    assert seen["norm"] == pytest.approx(np.linalg.norm(np.concatenate([array.ravel() for array in kept])), rel=1e-5)
    assert all(not seen["gradients"][name][~array].any() for name, array in mask.items())


def test_forgetting_to_hold_is_an_error_with_the_mend():
    def forgetful(training):
        optimizer = SGD(training.network.parameters(), 0.1)
        for _ in steps(training, optimizer):
            pass

    with pytest.raises(TrainingError, match=r"call training\.hold\(optimizer\)"):
        own_trainer(forgetful)(job(digits_task()))


def test_changing_pruned_weights_behind_the_hold_is_an_error():
    def two_optimizers(training):
        held, free = (SGD(training.network.parameters(), 0.1) for _ in range(2))
        training.hold(held)
        for _ in steps(training, held, 2):
            pass
        training.network.get_parameter("1.weight").grad.fill_(1.0)
        free.step()

    task = digits_task()
    with pytest.raises(TrainingError, match=r"changed pruned weights of '1\.weight'"):
        own_trainer(two_optimizers)(job(task, half_mask(task.network(0))))


def test_a_loop_that_diverges_is_an_error():
    def diverging(training):
        optimizer = SGD(training.network.parameters(), 1e30)
        training.hold(optimizer)
        for _ in steps(training, optimizer):
            pass

    with pytest.raises(TrainingError, match="validation loss is"):
        own_trainer(diverging)(job(digits_task()))


def test_the_loop_is_handed_the_start_under_the_mask():
    seen = {}

    def looking(training):
        seen["weights"], seen["step"] = weights_of(training.network), training.start_step
        seen["training"], seen["seed"] = training.network.training, training.seed
        plain(training)

    task = digits_task()
    mask = half_mask(task.network(0))
    start = Start(4, weights_of(task.network(9)))
    own_trainer(looking)(job(task, mask, start, seed=21))
    assert same(seen["weights"], mask.apply(start.weights))
    assert (seen["step"], seen["training"], seen["seed"]) == (4, True, 21)


def search_with(loop, folder, task=None, **changes):
    find_recipe = FindRecipe(**{"levels": 2, "retraining": "rewind", "rewind_step": 0, "patience": 9, **changes})
    recipe = Recipe(train=settings(), find=find_recipe)
    stage = Stage.of(task or digits_task(), recipe, "cpu", Silent(), own_trainer(loop))
    return find(stage, 0, folder, Budget(None))


def test_a_search_runs_on_the_users_loop(tmp_path):
    found = search_with(plain, tmp_path)
    assert [level.number for level in found.levels] == [0, 1, 2]
    original = weights_of(digits_task().network(0))
    assert same(found.levels[0].start().weights, original)


def test_later_levels_go_back_to_the_rewind_point_of_the_loop(tmp_path):
    begun = []

    def late(training):
        begun.append((training.start_step, weights_of(training.network)))
        optimizer = SGD(training.network.parameters(), 0.1)
        training.hold(optimizer)
        for step in steps(training, optimizer):
            if step == 4 and training.start_step == 0:
                training.rewind_point(4)
                begun.append((4, weights_of(training.network)))

    found = search_with(late, tmp_path)
    (_, _), (_, marked), (second, weights), (third, _) = begun
    assert (second, third) == (4, 4)
    assert same(weights, found.levels[1].mask().apply(marked))


def test_gradients_are_cleared_only_while_the_loop_runs():
    todo = job(digits_task(), half_mask(digits_task().network(0)))
    own_trainer(plain)(todo)
    x, y = digits()
    todo.network.zero_grad()
    nn.functional.cross_entropy(todo.network(x), y).backward()
    assert todo.network.get_parameter("1.weight").grad.numpy()[~todo.mask["1.weight"]].any()


def test_frozen_weights_are_pruned_too_and_need_no_gradient(tmp_path):
    def frozen():
        network = perceptron()
        network[1].weight.requires_grad_(False)
        return network

    found = search_with(plain, tmp_path, task=make_task(frozen, digits()), levels=1)
    mask, end = found.levels[1].mask(), found.levels[1].end()
    original = mask.apply(weights_of(make_task(frozen, digits()).network(0)))
    assert mask.sparsity > 0 and not same({"w": end["3.weight"]}, {"w": original["3.weight"]})
    assert same({"w": end["1.weight"]}, {"w": original["1.weight"]})
