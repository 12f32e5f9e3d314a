"""Clustered pruning: as many weights as plain pruning leaves, nested, and lying together."""

import numpy as np
import pytest
from hypothesis import given
from test_prune import many, networks, scopes

from lth_edge.find.cluster import prune_clustered
from lth_edge.find.prune import prune
from lth_edge.ticket import Mask


def whole(weights: dict[str, np.ndarray]) -> Mask:
    return Mask({name: np.ones(weight.shape, bool) for name, weight in weights.items()})


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@many
@given(networks(), scopes)
def test_masks_nest_and_as_many_weights_stay_as_without_clusters(network, scope):
    weights, mask, rates = network
    pruned = prune_clustered(weights, mask, rates, "0", scope)
    assert pruned.is_nested_in(mask)
    assert pruned.kept == prune(weights, mask, rates, scope).kept


@pytest.mark.parametrize("sparsity", [0.5, 0.9])
def test_the_sparsity_asked_for_is_not_passed(sparsity):
    weights = {"a": noise(20, 30), "b": noise(10, 20, seed=1)}
    pruned = prune_clustered(weights, whole(weights), {"a": 0.99, "b": 0.99}, "b", "global", sparsity)
    assert pruned.kept == round((1 - sparsity) * 800)


def test_what_is_left_lies_in_fewer_rows_and_columns():
    weights = {"layer": noise(50, 60)}
    plain = prune(weights, whole(weights), {"layer": 0.95}, "layer")["layer"]
    clustered = prune_clustered(weights, whole(weights), {"layer": 0.95}, "", "layer")["layer"]
    for axis in (0, 1):
        assert clustered.any(axis).sum() < 0.9 * plain.any(axis).sum()


def test_of_equal_weights_the_one_in_company_stays():
    weight = np.zeros((4, 4), np.float32)
    weight[0, :3] = weight[3, 3] = 1
    kept = prune_clustered({"layer": weight}, Mask({"layer": weight != 0}), {"layer": 0.25}, "", "layer")["layer"]
    assert kept[0, :3].all() and not kept[3, 3]


def test_layers_of_any_scale_are_ranked_together():
    weights = {"a": noise(30, 30), "b": noise(30, 30, seed=1)}
    rates = {"a": 0.5, "b": 0.5}
    pruned = prune_clustered(weights, whole(weights), rates, "", "global")
    assert all(0.3 < pruned[name].mean() < 0.7 for name in weights)


def test_kernels_of_convolutions_are_columns_by_channel_and_place():
    weight = noise(8, 4, 3, 3)
    weight[:, 2, 1, 1] *= 4
    kept = prune_clustered({"conv": weight}, whole({"conv": weight}), {"conv": 0.9}, "", "layer")["conv"]
    assert kept[:, 2, 1, 1].mean() > 4 * kept.mean()


def test_the_output_layer_keeps_its_rows():
    weights = {"output": noise(10, 200) * np.linspace(0.1, 1, 10, dtype=np.float32)[:, None]}
    left = {
        output: prune_clustered(weights, whole(weights), {"output": 0.8}, output, "layer")["output"].sum(1).min()
        for output in ("output", "")
    }
    assert left["output"] >= left[""]
