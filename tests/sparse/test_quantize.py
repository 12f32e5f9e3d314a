"""Values in fewer bits: every pruned weight stays zero, and what is kept is near what it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_edge.sparse.quantize import (
    SMALLEST_FIRST,
    TRAINED,
    codebook,
    quantised_bias,
    quantised_weight,
    values_by_layer,
)

ALL = [*(values for values in SMALLEST_FIRST if values != "codebook-2-4"), "int8"]
LEVELS = {f"codebook-{size}": size for size in (2, 4, 8, 16, 32, 64)}


def ticket(seed: int, density: float, scale: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    mask = random.random((20, 5, 3, 3)) < density
    return np.where(mask, random.normal(0, scale, mask.shape), 0).astype(np.float32), mask


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    density=st.sampled_from([0.0, 0.002, 0.1, 1.0]),
    values=st.sampled_from(ALL),
    scale=st.sampled_from([1e-30, 0.1, 1e6]),
)
def test_pruned_weights_stay_zero_and_no_more_levels_are_used_than_allowed(
    seed: int, density: float, values: str, scale: float
) -> None:
    weight, mask = ticket(seed, density, scale)
    rounded = quantised_weight(weight, mask, values)
    assert rounded.dtype == weight.dtype and rounded.shape == weight.shape
    assert not np.any(rounded[~mask].view(np.uint32))
    assert np.isfinite(rounded).all()
    assert len(np.unique(rounded[mask])) <= LEVELS.get(values, weight.size)


def test_more_bits_are_nearer() -> None:
    weight, mask = ticket(0, 0.5)
    errors = [np.square(quantised_weight(weight, mask, values) - weight).sum() for values in ALL[:-1]]
    assert errors == sorted(errors, reverse=True) and errors[-1] == 0
    int8 = quantised_weight(weight, mask, "int8")
    assert np.all(np.abs(int8 - weight) <= np.abs(weight).reshape(20, -1).max(axis=1).reshape(20, 1, 1, 1) / 250)


def test_two_numbers_for_the_largest_layers_until_they_hold_half_of_the_weights() -> None:
    kept = {"small": 10, "large": 40, "larger": 45, "other": 30}
    stored = values_by_layer("codebook-2-4", kept)
    assert stored == {name: f"codebook-{size}" for name, size in zip(kept, (4, 2, 2, 4), strict=True)}
    assert values_by_layer("codebook-2-4", {"only": 0}) == {"only": "codebook-4"}
    assert values_by_layer("fp16", kept) == dict.fromkeys(kept, "fp16")


def test_a_codebook_has_what_there_is_to_have() -> None:
    numbers = np.repeat(np.array([-1.5, 0.25, 3.0], np.float32), [5, 1, 9])
    assert codebook(numbers, 16).tolist() == [-1.5, 0.25, 3.0]
    assert codebook(numbers, 3).tolist() == [-1.5, 0.25, 3.0]
    assert codebook(numbers, 1).size == 1
    clusters = np.concatenate([center + np.linspace(-0.01, 0.01, 50) for center in (-2, -1, 1, 2)])
    assert np.allclose(codebook(clusters, 4), [-2, -1, 1, 2], atol=1e-3)


@pytest.mark.parametrize("values", ALL)
def test_what_cannot_be_rounded_is_left_as_it_is(values: str) -> None:
    weight = np.array([[np.nan, 1.0, np.inf]], np.float32)
    assert quantised_weight(weight, np.ones((1, 3), bool), values).tobytes() == weight.tobytes()
    assert quantised_bias(weight[0], values).tobytes() == weight[0].tobytes()
    large = np.array([[1e30, 2e30, 0]], np.float32)
    assert np.allclose(quantised_weight(large, large != 0, values), large, rtol=0.02)


@pytest.mark.parametrize("values", [*ALL, "codebook-2-4"])
def test_biases_are_near_what_they_were(values: str) -> None:
    bias = np.random.default_rng(0).normal(size=100).astype(np.float32)
    rounded = quantised_bias(bias, values)
    coarse = values in TRAINED
    assert np.abs(rounded - bias).max() <= np.abs(bias).max() / (16 if coarse else 100)
    assert rounded.astype(np.float16).astype(np.float32).tobytes() == rounded.tobytes() or values == "fp32"
    assert len(np.unique(rounded)) <= (33 if coarse else 257) or not values.startswith("codebook")
    assert quantised_bias(np.zeros(3, np.float32), values).tolist() == [0, 0, 0]
