"""The limit of coders that know no context, where it can be worked out by hand."""

import numpy as np
import pytest

from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.limit import independent_bits


def matrix(mask: np.ndarray, values: np.ndarray) -> CsrMatrix:
    return CsrMatrix.from_mask(np.where(mask, values, 0).astype(np.float32), mask)


def test_half_of_all_and_four_values_take_a_bit_each_and_two_more() -> None:
    mask = np.arange(64).reshape(8, 8) % 2 == 0
    assert independent_bits([matrix(mask, np.arange(64).reshape(8, 8) // 2 % 4 + 1)]) == pytest.approx(64 + 2 * 32)


@pytest.mark.parametrize("kept", [False, True])
def test_what_is_certain_takes_nothing(kept: bool) -> None:
    assert independent_bits([matrix(np.full((3, 5), kept), np.ones((3, 5)))]) == 0
    assert independent_bits([]) == 0
