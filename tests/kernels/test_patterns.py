"""Masks that keep as many weights in other places."""

import pytest

torch = pytest.importorskip("torch")

from benchmarks.kernels.patterns import even, near, random  # noqa: E402

SHAPES = [(12, 16, 3, 3), (6, 64, 1, 1), (5, 128)]


@pytest.mark.parametrize("sparsity", [0.9, 0.95])
@pytest.mark.parametrize("shape", SHAPES)
def test_even_and_near_masks_keep_the_same_number_in_every_row_and_group(
    shape: tuple[int, ...], sparsity: float
) -> None:
    weight = torch.ones(shape)
    group = 72 if len(shape) == 4 and shape[2] == 3 else 64
    for pattern in (even, near):
        kept = pattern(weight, sparsity).view(shape[0], -1, group)
        assert kept.sum(-1).unique().tolist() == [round((1 - sparsity) * group)]
    first = near(weight, sparsity).view(shape[0], -1, group)
    assert not first[..., round((1 - sparsity) * group) :].any()


def test_random_masks_keep_exactly_what_was_asked_for_and_stand_in_where_rows_have_no_groups() -> None:
    weight = torch.ones(7, 3, 5, 5)
    for pattern in (random, even, near):
        assert int(pattern(weight, 0.9).sum()) == weight.numel() - round(0.9 * weight.numel())
