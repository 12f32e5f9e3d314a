"""Training within a codebook: few different weights, the mask held, and better than rounding alone."""

from functools import partial

import numpy as np
import pytest
from digits_nets import digits_task, half_mask, job, normed, perceptron, same

from lth_edge.find.codebook import CodebookHold
from lth_edge.find.evaluate import evaluate
from lth_edge.find.train import Start, load, train, weights_of
from lth_edge.sparse.quantize import codebook_size, quantised_weight, values_by_layer


def trained(build=perceptron, values="codebook-4", **changes):
    """The task, the mask, and what a run within codebooks leaves."""
    task = digits_task(build)
    mask = half_mask(task.network(0))
    return task, mask, train(job(task, mask, hold=partial(CodebookHold, values=values), **changes))


@pytest.mark.parametrize("build", [perceptron, normed])
@pytest.mark.parametrize("values", ["codebook-2", "codebook-2-4", "codebook-4"])
def test_each_layer_has_few_different_weights_and_zeros_where_pruned(build, values):
    _, mask, left = trained(build, values)
    stored = values_by_layer(values, {name: int(kept.sum()) for name, kept in mask.items()})
    for name, kept in mask.items():
        weight = left.best[name]
        assert len(np.unique(weight[kept])) <= codebook_size(stored[name])
        assert not np.any(weight[~kept].view(np.uint32))
        assert weight.astype(np.float16).astype(np.float32).tobytes() == weight.tobytes()


def test_what_is_shipped_is_what_was_evaluated():
    task, _, left = trained(steps=40)
    network = task.network(0)
    load(network, left.best)
    found = evaluate(task, network, job(task).validation_feed)
    assert found.loss == pytest.approx(left.evaluation.loss, rel=1e-6)


def test_training_within_two_values_loses_less_than_rounding_to_them():
    task = digits_task()
    mask = half_mask(task.network(0))
    exact = train(job(task, mask, steps=300))
    network = task.network(0)
    load(network, {n: quantised_weight(w, mask[n], "codebook-2") if n in mask else w for n, w in exact.best.items()})
    rounded = evaluate(task, network, job(task).validation_feed)
    within = train(job(task, mask, Start(0, exact.best), steps=300, hold=partial(CodebookHold, values="codebook-2")))
    assert within.evaluation.loss < rounded.loss


def test_the_same_run_gives_the_same_weights():
    assert same(trained()[2].best, trained()[2].best)


def test_weights_come_back_before_the_optimiser_steps():
    """A step far smaller than the distance to a codebook's number is not lost."""
    task = digits_task()
    network = task.network(0)
    mask = half_mask(network)
    start = Start(0, weights_of(network))
    small = train(job(task, mask, start, steps=1, learning_rate=1e-9, hold=partial(CodebookHold, values="codebook-2")))
    assert len(np.unique(small.end["1.weight"][mask["1.weight"]])) == 2
