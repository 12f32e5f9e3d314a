"""A stream of prefix codes gives back every weight and mask, takes about as few bits as there is to say, and tells
damage."""

import heapq
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_edge.sparse import weight_stream
from lth_edge.sparse.limit import symbol_bits
from lth_edge.sparse.prefix_code import PrefixCode
from lth_edge.sparse.stream_parts import from_parts, to_parts
from lth_edge.sparse.weight_stream import WeightStream, can_be_coded

Parts = dict[str, np.ndarray]
SHAPES = st.sampled_from([(1, 1), (7,), (40, 60), (8, 3, 5, 5), (2, 3000), (300, 2)])


def pruned(shape: tuple[int, ...], density: float, values: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A weight of so many different values, a kept zero among them, and its mask, which keeps at least one."""
    random = np.random.default_rng(seed)
    book = np.concatenate([[0.0], random.normal(size=values - 1)]).astype(np.float32)
    mask = random.random(shape) < density
    mask.flat[random.integers(mask.size)] = True
    return np.where(mask, random.choice(book, shape), np.float32(0)), mask


WEIGHTS = st.lists(
    st.builds(
        pruned, SHAPES, st.sampled_from([0.0, 0.01, 0.1, 1.0]), st.sampled_from([1, 2, 5, 256]), st.integers(0, 2**32)
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=80, deadline=None)
@given(WEIGHTS)
def test_weights_and_masks_come_back_from_the_tensors_in_the_file(given: list[tuple[np.ndarray, np.ndarray]]) -> None:
    weights, masks = zip(*given, strict=True)
    assert all(map(can_be_coded, weights, masks))
    stream = from_parts(to_parts(WeightStream.smallest(weights, masks)))
    decoded, kept = stream.weights()
    assert [each.tobytes() for each in decoded] == [each.tobytes() for each in weights]
    assert all(map(np.array_equal, kept, masks))
    assert stream.planes_of(decoded, kept).tobytes() == stream.planes.tobytes()


@pytest.mark.parametrize("gap", [1, 1023, 1024, 1025, 5000, 100_000])
def test_wide_gaps_are_bridged(gap: int) -> None:
    mask = np.zeros((1, gap + 300), np.bool_)
    mask[0, [*range(100), 99 + gap, -1]] = True
    weight = np.where(mask, np.float32(-1.5), np.float32(0))
    (decoded,), (kept,) = WeightStream.smallest([weight], [mask]).weights()
    assert decoded.tobytes() == weight.tobytes()
    assert np.array_equal(kept, mask)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=200).map(np.array), st.sampled_from([8, 12, 16]))
def test_a_code_is_complete_and_never_longer_than_allowed(counts: np.ndarray, longest: int) -> None:
    code = PrefixCode.fit(counts, longest)
    lengths = code.lengths()
    assert np.sum(2.0**-lengths) == 1
    assert lengths.max() <= longest and np.all(np.diff(lengths) >= 0)
    words = {format(word, f"0{length}b") for word, length in zip(code.codewords(), lengths, strict=True)}
    assert len(words) == counts.size
    assert not any(word[:cut] in words for word in words for cut in range(1, len(word)))


@given(st.lists(st.integers(1, 10**4), min_size=2, max_size=60))
def test_where_no_length_is_in_the_way_it_is_a_huffman_code(counts: list[int]) -> None:
    falling = np.array(sorted(counts, reverse=True))
    heap = counts.copy()
    heapq.heapify(heap)
    bits = 0
    while len(heap) > 1:
        heapq.heappush(heap, joined := heapq.heappop(heap) + heapq.heappop(heap))
        bits += joined
    code = PrefixCode.fit(falling, 60)
    assert int(code.lengths() @ falling) == bits


@pytest.mark.parametrize("density", [0.02, 0.05, 0.1, 0.3])
def test_random_masks_take_little_more_than_they_must(density: float) -> None:
    weight, mask = pruned((500, 800), density, 3, 0)
    stream = WeightStream.smallest([weight], [mask])
    least = symbol_bits([int(mask.sum()), int((~mask).sum())]) + mask.sum() * np.log2(3)
    assert least < 8 * stream.planes.size < 1.03 * least


@pytest.mark.parametrize(
    "weight",
    [
        np.zeros((2, 2), np.float16),
        np.array([0.0, -0.0], np.float32),
        np.array([1.0, np.nan], np.float32),
        np.arange(257, dtype=np.float32),
    ],
    ids=["float16", "two zeros", "nan", "257 values"],
)
def test_what_cannot_be_coded_is_known(weight: np.ndarray) -> None:
    assert not can_be_coded(weight, np.ones(weight.shape, np.bool_))
    assert not can_be_coded(np.ones((3, 3), np.float32), np.zeros((3, 3), np.bool_))


@pytest.fixture
def parts() -> Parts:
    given = [pruned((40, 60), 0.05, 4, seed) for seed in (0, 1)]
    made = to_parts(WeightStream.smallest(*zip(*given, strict=True)))
    return {name: array.copy() for name, array in made.items()}


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Parts], Parts]:
    return lambda parts: parts | {name: change(parts[name])}


@pytest.mark.parametrize(
    ("harm", "wrong"),
    [
        (changed("p", lambda planes: planes[:-3]), "ends before its last symbol"),
        (changed("p", lambda planes: np.vstack([planes, planes])), "goes on behind its last symbol"),
        (changed("_c0", lambda shape: shape // 20), "beyond|behind its last weight|sizes contradict"),
        (changed("_c0", lambda shape: -shape), "sizes contradict"),
        (changed("_c0", lambda shape: shape * 2**20), "sizes contradict"),
        (changed("k", lambda symbols: symbols + 2**30), "sizes contradict"),
        (changed("r", lambda starts: -starts), "sizes contradict"),
        (changed("w", lambda widest: widest - 2**20), "sizes contradict"),
        (changed("v", lambda limits: np.concatenate([limits[:-1], [50]])), "sizes contradict"),
        (changed("d", lambda limits: np.tile(limits, 4)), "sizes contradict"),
        (changed("d", lambda limits: limits[:-1]), "reshape"),
        (changed("f", lambda book: book[:-3]), "not in its book|sizes contradict"),
    ],
)
def test_what_contradicts_itself_is_told(parts: Parts, harm: Callable[[Parts], Parts], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        from_parts(harm(parts)).weights()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_other_numbers_are_read_or_refused(data: st.DataObject) -> None:
    given = [pruned((40, 60), 0.05, 4, seed) for seed in (0, 1)]
    parts = {name: array.copy() for name, array in to_parts(WeightStream.smallest(*zip(*given, strict=True))).items()}
    name = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.integers(0, parts[name].size - 1))
    bounds = np.iinfo(parts[name].dtype) if parts[name].dtype.kind in "iu" else None
    number = data.draw(st.integers(bounds.min, bounds.max) if bounds else st.floats(width=32))
    parts[name].reshape(-1)[place] = number
    try:
        weights, masks = from_parts(parts).weights()
    except ValueError:
        return
    assert sum(weight.size for weight in weights) < weight_stream.MOST_WEIGHTS
    assert [mask.shape for mask in masks] == [weight.shape for weight in weights]


def test_other_weights_than_its_own_are_refused(parts: Parts) -> None:
    stream = from_parts(parts)
    weights, masks = stream.weights()
    with pytest.raises(ValueError, match="shapes"):
        stream.planes_of([weights[0].T], [masks[0].T])
    with pytest.raises(ValueError, match="not in its book"):
        stream.planes_of([weight * 2 for weight in weights], masks)
