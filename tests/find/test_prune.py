"""Pruning: masks nest, counts are exact, ties fall by index, and the last level ends where it was asked to."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lth_edge.find.prune import fewest_kept, prune, pruned_counts
from lth_edge.ticket import Mask

LENET = {"1.weight": (300, 784), "3.weight": (100, 300), "5.weight": (10, 100)}
LENET_RATES = {"1.weight": 0.2, "3.weight": 0.2, "5.weight": 0.1}
COARSE = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 1e-30])
"""Few different values, so that ties are the rule."""


@st.composite
def networks(draw):
    """Weights, a mask that may be pruned already, and rates of which some are equal."""
    shapes = draw(st.lists(hnp.array_shapes(min_dims=1, max_dims=4, max_side=6), min_size=1, max_size=4))
    weights = {f"{i}": draw(hnp.arrays(np.float32, shape, elements=COARSE)) for i, shape in enumerate(shapes)}
    mask = Mask({name: draw(hnp.arrays(np.bool_, array.shape)) for name, array in weights.items()})
    rate = st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.97])
    return weights, mask, {name: draw(rate) for name in weights}


scopes = st.sampled_from(["layer", "global"])
many = settings(max_examples=80, deadline=None)


@many
@given(networks(), scopes)
def test_masks_nest_and_counts_are_exact(network, scope):
    weights, mask, rates = network
    pruned = prune(weights, mask, rates, scope)
    assert pruned.is_nested_in(mask)
    assert mask.kept - pruned.kept == pruned_counts(mask, rates, scope)


@many
@given(networks())
def test_each_layer_loses_its_rate_of_what_remains_rounded_half_up(network):
    weights, mask, rates = network
    pruned = prune(weights, mask, rates, "layer")
    for name, kept in mask.items():
        assert kept.sum() - pruned[name].sum() == math.floor(rates[name] * kept.sum() + 0.5)


@many
@given(networks(), scopes)
def test_what_goes_is_never_larger_than_what_stays(network, scope):
    weights, mask, rates = network
    pruned = prune(weights, mask, rates, scope)
    groups = [[name] for name in mask] if scope == "layer" else _by_rate(rates)
    for names in groups:
        gone = np.concatenate([np.abs(weights[n][mask[n] & ~pruned[n]]) for n in names])
        left = np.concatenate([np.abs(weights[n][pruned[n]]) for n in names])
        assert not gone.size or not left.size or gone.max() <= left.min()


def _by_rate(rates):
    return [[name for name in rates if rates[name] == rate] for rate in set(rates.values())]


@many
@given(networks(), scopes, st.floats(0.02, 0.98))
def test_a_level_never_prunes_past_the_sparsity_and_ends_on_it_exactly(network, scope, sparsity):
    weights, mask, rates = network
    free = prune(weights, mask, rates, scope)
    trimmed = prune(weights, mask, rates, scope, sparsity)
    aim = fewest_kept(mask.size, sparsity)
    assert trimmed.is_nested_in(mask)
    assert trimmed.kept == max(free.kept, min(mask.kept, aim))


def test_layers_that_round_at_the_same_factor_still_end_on_the_sparsity():
    weights = {name: np.arange(1.0, 101.0) for name in "abc"}
    mask = Mask({name: np.ones(100, bool) for name in "abc"})
    assert prune(weights, mask, dict.fromkeys("abc", 0.2), "layer", sparsity=10 / 300).kept == 290


@pytest.mark.parametrize(("size", "sparsity", "kept"), [(266_200, 0.9, 26_620), (1000, 0.7, 300), (7, 0.5, 4)])
def test_a_sparsity_is_never_passed_and_rounding_errors_do_not_count(size, sparsity, kept):
    assert fewest_kept(size, sparsity) == kept


def test_among_equal_weights_the_lowest_index_goes_first():
    weights = {"a": np.float32([1, -1, 1, -1, 1]), "b": np.float32([[1, 1], [1, 1], [0.5, 2]])}
    mask = Mask({"a": np.ones(5, bool), "b": np.ones((3, 2), bool)})
    pruned = prune(weights, mask, {"a": 0.4, "b": 0.5}, "layer")
    assert pruned["a"].tolist() == [False, False, True, True, True]
    assert pruned["b"].tolist() == [[False, False], [True, True], [False, True]]


def test_in_global_scope_the_earlier_layer_loses_its_ties_first():
    weights = {"a": np.ones(4), "b": np.ones(4)}
    mask = Mask({"a": np.ones(4, bool), "b": np.ones(4, bool)})
    pruned = prune(weights, mask, {"a": 0.75, "b": 0.75}, "global")
    assert (pruned["a"].sum(), pruned["b"].sum()) == (0, 2)


def test_global_scope_ranks_layers_together_and_layer_scope_does_not():
    weights = {"small": np.full(10, 0.1), "large": np.full(10, 5.0)}
    mask = Mask({name: np.ones(10, bool) for name in weights})
    rates = dict.fromkeys(weights, 0.5)
    assert {n: int(k.sum()) for n, k in prune(weights, mask, rates, "global").items()} == {"small": 0, "large": 10}
    assert {n: int(k.sum()) for n, k in prune(weights, mask, rates, "layer").items()} == {"small": 5, "large": 5}


def test_in_global_scope_the_output_layer_keeps_its_own_rate():
    weights = {"1.weight": np.full(100, 9.0), "3.weight": np.full(100, 8.0), "5.weight": np.full(100, 0.1)}
    mask = Mask({name: np.ones(100, bool) for name in weights})
    pruned = prune(weights, mask, LENET_RATES, "global")
    assert pruned["5.weight"].sum() == 90
    assert pruned["1.weight"].sum() + pruned["3.weight"].sum() == 160


def test_lenet_300_100_walks_down_the_ladder_of_the_paper():
    """Percentages of the 266,200 weights left after 3, 7, 9 and 15 levels, as printed in arXiv 1803.03635."""
    random = np.random.default_rng(0)
    weights = {name: random.standard_normal(shape, np.float32) for name, shape in LENET.items()}
    mask = Mask({name: np.ones(shape, bool) for name, shape in LENET.items()})
    assert mask.size == 266_200
    left = []
    for _ in range(15):
        mask = prune(weights, mask, LENET_RATES, "layer")
        left.append(100 * mask.density)
    assert [left[level - 1] for level in (3, 7, 9, 15)] == pytest.approx([51.28, 21.07, 13.52, 3.58], abs=0.05)


def test_pruning_changes_neither_weights_nor_the_mask_it_was_given():
    weights = {"a": np.arange(10.0)}
    mask = Mask({"a": np.ones(10, bool)})
    prune(weights, mask, {"a": 0.5}, "layer")
    assert mask.kept == 10
    assert np.array_equal(weights["a"], np.arange(10.0))
