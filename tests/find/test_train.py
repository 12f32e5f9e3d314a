"""One training run: what it starts from, what it leaves, and that it goes on from step k as if never interrupted."""

import dataclasses
from collections import namedtuple

import numpy as np
import pytest
import torch
from digits_nets import digits_task, full_mask, half_mask, job, normed, perceptron, same, settings
from torch import nn

from lth_edge.errors import TrainingError
from lth_edge.find.evaluate import evaluate
from lth_edge.find.train import Start, learning_rate, load, time_steps, train, weights_of
from lth_edge.tasks.build import make_task

OPTIMIZERS = [{"optimizer": "adam"}, {"optimizer": "adamw", "weight_decay": 0.01}, {"optimizer": "sgd"}]


@pytest.mark.parametrize("build", [perceptron, normed])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o["optimizer"])
@pytest.mark.parametrize("k", [0, 9])
def test_a_run_entered_at_step_k_equals_the_uninterrupted_run_bit_for_bit(build, optimizer, k):
    task = digits_task(build)
    whole = train(job(task, snapshot_step=k, **optimizer))
    entered = train(job(task, start=whole.snapshot, **optimizer))
    assert whole.snapshot.step == k
    assert entered.steps == whole.steps - k
    assert same(entered.end, whole.end)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o["optimizer"])
def test_a_snapshot_can_be_entered_again_and_again(optimizer):
    task = digits_task(normed)
    snapshot = train(job(task, snapshot_step=9, **optimizer)).snapshot
    first, second = (train(job(task, start=snapshot, **optimizer)).end for _ in range(2))
    assert same(first, second)


@pytest.mark.parametrize("part", ["weights", "optimizer", "random"])
def test_each_part_of_the_snapshot_matters(part):
    task = digits_task(normed)
    whole = train(job(task, snapshot_step=9))
    weights, state = whole.snapshot.weights, dict(whole.snapshot.state)
    if part == "weights":
        weights = weights | {"1.running_mean": weights["1.running_mean"] + 1}
    elif part == "optimizer":
        state = {"rng": state["rng"]}
    else:
        state["rng"] = torch.Generator().manual_seed(1).get_state().numpy()
    assert not same(train(job(task, start=Start(9, weights, state))).end, whole.end)


def test_the_last_weights_are_kept_where_the_settings_say_so():
    """Trained until validation loss rises again, the lowest is not the last."""
    best, last = (
        train(job(digits_task(), learning_rate=0.02, steps=160, checkpoint=which)) for which in ("best", "last")
    )
    assert best.best_step == last.best_step < 160
    assert same(last.best, last.end) and not same(best.best, best.end)
    assert (last.evaluation.loss, last.evaluation.metric) == last.history[-1][1:]
    assert best.history == last.history


def test_augmentation_is_replayed_from_step_k_too():
    task = digits_task(normed)
    whole = train(job(task, snapshot_step=9, augment="crop-flip"))
    assert same(train(job(task, start=whole.snapshot, augment="crop-flip")).end, whole.end)
    assert not same(train(job(task)).end, whole.end)


def test_the_snapshot_at_step_0_is_the_original_initialisation_bit_for_bit():
    task = digits_task(normed)
    trained = train(job(task, snapshot_step=0))
    assert same(trained.snapshot.weights, weights_of(task.network(0)))
    assert not same(trained.end, trained.snapshot.weights)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o["optimizer"])
def test_pruned_weights_are_positive_zero_through_a_rewound_run(optimizer):
    """The snapshot's momentum knows of weights that the mask prunes later."""
    task = digits_task()
    snapshot = train(job(task, snapshot_step=9, **optimizer)).snapshot
    mask = half_mask(task.network(0))
    trained = train(job(task, mask, snapshot, **optimizer))
    for weights in (trained.end, trained.best):
        assert not any(b"".join(weights[name][~kept].tobytes() for name, kept in mask.items()))


def test_in_bf16_the_network_computes_in_bf16_and_weights_loss_and_evaluation_stay_fp32():
    """What is seen inside tells the arithmetic; the accuracy, that it learns as well."""
    seen: set[tuple[bool, torch.dtype]] = set()

    def watched() -> nn.Module:
        network = perceptron()
        network[1].register_forward_hook(lambda module, _, output: seen.add((module.training, output.dtype)))
        return network

    def loss(outputs, targets):
        assert outputs.dtype == torch.float32
        return nn.functional.cross_entropy(outputs, targets)

    task = digits_task(watched, loss=loss)
    mask = half_mask(task.network(0))
    half, full = (train(job(task, mask, precision=p, steps=120, learning_rate=0.02)) for p in ("bf16", "fp32"))
    assert seen == {(True, torch.bfloat16), (True, torch.float32), (False, torch.float32)}
    assert all(array.dtype == np.float32 for array in half.end.values())
    assert all((half.end[name][~kept] == 0).all() for name, kept in mask.items())
    assert not same(half.end, full.end)
    assert half.evaluation.metric > 80 and abs(half.evaluation.metric - full.evaluation.metric) < 5


def test_a_snapshot_of_a_bf16_run_is_entered_bit_for_bit():
    task = digits_task(normed)
    whole = train(job(task, snapshot_step=9, precision="bf16"))
    assert same(train(job(task, start=whole.snapshot, precision="bf16")).end, whole.end)


def test_several_outputs_reach_the_loss_in_fp32_and_whole_numbers_as_they_are():
    Scored = namedtuple("Scored", ("scores", "best"))

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = perceptron()

        def forward(self, x):
            scores = self.body(x)
            return Scored(scores, scores.argmax(1))

    def loss(outputs, targets):
        assert (outputs.scores.dtype, outputs.best.dtype) == (torch.float32, torch.int64)
        return nn.functional.cross_entropy(outputs.scores, targets)

    metric = dataclasses.replace(digits_task().metric, function=lambda o, t: 100 * float((o[1] == t).mean()))
    task = digits_task(Heads, loss=loss, metric=metric)
    for precision in ("fp32", "bf16"):
        train(job(task, precision=precision))


def test_equal_seeds_give_equal_runs_and_others_do_not():
    task = digits_task(normed)
    first, second, other = (train(job(task, seed=seed)).end for seed in (3, 3, 4))
    assert same(first, second)
    assert not same(first, other)


def test_training_leaves_torchs_global_generator_alone():
    torch.manual_seed(11)
    before = torch.get_rng_state()
    train(job(digits_task(normed)))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_best_checkpoint_has_the_lowest_validation_loss_and_the_end_is_kept_beside_it():
    task = digits_task()
    todo = job(task, steps=120, learning_rate=0.15, milestones=(), evaluate_every=6)
    trained = train(todo)
    losses = {step: loss for step, loss, _ in trained.history}
    assert trained.best_step == min(losses, key=losses.get) != 120, "the run must not be best at its end"
    assert trained.evaluation.loss == losses[trained.best_step]
    for weights, step in ((trained.best, trained.best_step), (trained.end, 120)):
        load(todo.network, weights)
        assert evaluate(task, todo.network, todo.validation_feed).loss == losses[step]


def test_the_rate_drops_at_milestones_and_rises_over_the_warm_up():
    plan = settings(steps=100, learning_rate=1.0, milestones=(0.5, 0.75), gamma=0.1, warmup=0.1)
    rates = [learning_rate(plan, step) for step in (0, 4, 9, 49, 50, 75, 99)]
    assert rates == pytest.approx([0.1, 0.5, 1.0, 1.0, 0.1, 0.01, 0.01])


def test_fine_tuning_stays_at_the_last_rate():
    """At a last rate of (nearly) nothing, fine-tuning stands still where the replayed schedule does not."""
    task = digits_task()
    quiet = {"optimizer": "sgd", "gamma": 1e-30, "milestones": (0.5,)}
    start = Start(0, weights_of(task.network(1)))
    assert same(train(job(task, start=start, constant_rate=True, **quiet)).end, start.weights)
    assert not same(train(job(task, start=start, **quiet)).end, start.weights)


def test_a_loss_that_is_not_finite_is_an_error_that_names_the_step():
    with pytest.raises(TrainingError, match="at step 8"):
        train(job(digits_task(), learning_rate=1e30, optimizer="sgd"))


def test_recalibration_measures_batch_norm_anew_without_touching_the_run():
    task = digits_task(without_dropout)
    plain, measured = (train(job(task, recalibrate_bn=choice)) for choice in (False, True))
    assert same(plain.end, measured.end)
    assert not np.array_equal(plain.best["1.running_mean"], measured.best["1.running_mean"])
    assert np.array_equal(plain.best["0.weight"], measured.best["0.weight"])


def without_dropout():
    return nn.Sequential(*(module for module in normed() if not isinstance(module, nn.Dropout)))


def test_several_inputs_and_outputs_train():
    class TwoHeads(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(4, 3), nn.Linear(2, 1)

        def forward(self, a, b):
            return self.left(a), self.right(b)

    def both(outputs, targets):
        classes = nn.functional.cross_entropy(outputs[0], targets[0])
        return classes + nn.functional.mse_loss(outputs[1].squeeze(1), targets[1])

    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(80, 4, generator=random), torch.randn(80, 2, generator=random)
    targets = torch.arange(80) % 3, inputs[1].sum(1)
    metric = dataclasses.replace(digits_task().metric, name="both", function=lambda o, t: float(-abs(o[1]).mean()))
    task = make_task(TwoHeads, (inputs, targets), loss=both, metric=metric)
    trained = train(job(task, full_mask(task.network(0))))
    assert all(np.isfinite(array).all() for array in trained.end.values())


def test_steps_are_timed_without_evaluating_and_without_drawing_from_torchs_generator():
    def evaluated(outputs, targets):
        pytest.fail("evaluated")

    task = digits_task(normed)
    task = dataclasses.replace(task, metric=dataclasses.replace(task.metric, function=evaluated))
    before = torch.get_rng_state()
    seconds = time_steps(job(task, evaluate_every=1, steps=3), 5)
    assert len(seconds) == 5 and min(seconds) > 0
    assert torch.equal(torch.get_rng_state(), before)
