"""The coder: what is coded comes back, by the library and by Python alike, whatever the bytes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_edge.codec import native
from lth_edge.codec.stream import decode, encode
from lth_edge.codec.symbols import Earlier, Outline, Symbols
from lth_edge.errors import DamagedError, InputError

needs_library = pytest.mark.skipif(native.library() is None, reason="this installation has no coder in its library")
BEST = pytest.mark.parametrize("best", [False, True], ids=["fast", "best"])


FAST_BYTES = "1809e6a84d4d57e09511778121698131695a943eb351de6ac2"
BEST_BYTES = "13e0aa06f0b98834b1ee70bcc47fcd3b1706993edd89b7475e"
FAST_SINCE = "2a13402a0368fc6d9c6bf7"
BEST_SINCE = "2a56d4345df12d46bc19cc19"


def symbols_of(dense: np.ndarray, kept: np.ndarray, **outline: int) -> Symbols:
    """A matrix of the whole numbers `dense` where `kept`."""
    rows, columns = np.nonzero(kept)
    values = dense[kept]
    magnitudes = np.abs(values).astype(np.uint32)
    bits = int(magnitudes.max(initial=0)).bit_length()
    signs = bool(np.any(values < 0))
    drawn = Outline(*kept.shape, len(rows), magnitude_bits=bits, has_signs=signs, **outline)
    return Symbols(
        drawn,
        np.bincount(rows, minlength=kept.shape[0]).astype(np.uint32),
        np.zeros(0, np.uint32) if drawn.full else columns.astype(np.uint32),
        magnitudes | (values < 0).astype(np.uint32) << np.uint32(31),
    )


def random_matrix(seed: int, density: float, largest: int, rows: int, block: int, width: int, blocks: int) -> Symbols:
    random = np.random.default_rng(seed)
    shape = rows, block * width * blocks
    share = np.clip(density * random.gamma(0.7, 1.5, (1, shape[1])), 0, 1) if 0 < density < 1 else density
    kept = random.random(shape) < share
    dense = np.rint(random.laplace(0, largest / 4 + 0.01, shape)).clip(-largest, largest).astype(np.int64)
    return symbols_of(dense, kept, block=block * width, width=width, fan=random.choice([0, 1, block]))


def same(one: Symbols, other: Symbols) -> bool:
    names = "counts", "indices", "values"
    return one.outline == other.outline and all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)


matrices = st.builds(
    random_matrix,
    seed=st.integers(0, 2**32),
    density=st.sampled_from([0.0, 0.003, 0.05, 0.3, 1.0]),
    largest=st.sampled_from([0, 1, 8, 127, 40_000, 2**31 - 1]),
    rows=st.integers(1, 12),
    block=st.integers(1, 5),
    width=st.integers(1, 6),
    blocks=st.integers(1, 8),
)


@BEST
@needs_library
@settings(max_examples=60, deadline=None)
@given(given=st.lists(matrices, max_size=4))
def test_library_and_python_write_the_same_bytes_and_read_them_back(given: list[Symbols], best: bool) -> None:
    coded = encode(given, best)
    assert encode(given, best, portable=True) == coded
    for portable in (False, True):
        back = list(decode(coded, [matrix.outline for matrix in given], best, portable))
        assert all(map(same, given, back))


@BEST
def test_the_bytes_of_a_stream_never_change(best: bool) -> None:
    """What is written today is read by every later release."""
    cells = np.arange(4 * 18).reshape(4, 18)
    matrix = symbols_of(cells * 37 % 17 - 8, cells * 29 % 7 < 2, block=9, width=3)
    small = symbols_of(np.arange(-3, 4).reshape(1, -1), np.ones((1, 7), bool))
    coded = encode([matrix, small], best, portable=True)
    assert coded.hex() == (BEST_BYTES if best else FAST_BYTES)


def earlier_of(before: Symbols) -> Earlier:
    return Earlier(before.counts, before.indices, before.values)


def later(before: Symbols, kept: np.ndarray, changes: np.ndarray) -> Symbols:
    """A matrix that has lost some of its weights since, and whose others have changed by so much."""
    magnitudes = (before.values & 0x7FFFFFFF).astype(np.int64)
    values = np.where(before.values >> 31, -magnitudes, magnitudes)
    rows = np.repeat(np.arange(before.outline.rows), before.counts)
    columns = np.arange(kept.size) % before.outline.columns if before.outline.full else before.indices
    shape = before.outline.rows, before.outline.columns
    dense, now = np.zeros(shape, np.int64), np.zeros(shape, bool)
    now[rows[kept], columns[kept]] = True
    dense[rows[kept], columns[kept]] = np.clip(values + changes, -(2**31) + 1, 2**31 - 1)[kept]
    outline = before.outline
    told = symbols_of(dense, now, block=outline.block, width=outline.width, fan=outline.fan)
    return replace(told, outline=replace(told.outline, earlier=earlier_of(before)))


@BEST
def test_the_bytes_of_a_later_version_never_change(best: bool) -> None:
    cells = np.arange(4 * 18).reshape(4, 18)
    before = symbols_of(cells * 37 % 17 - 8, cells * 29 % 7 < 2, block=9, width=3)
    places = np.arange(before.values.size)
    coded = encode([later(before, places % 3 != 1, places % 2)], best, portable=True)
    assert coded.hex() == (BEST_SINCE if best else FAST_SINCE)


def random_change(before: Symbols, seed: int, lost: float, most: int) -> Symbols:
    random = np.random.default_rng(seed)
    size = before.values.size
    return later(before, random.random(size) >= lost, random.integers(-most, most + 1, size))


@BEST
@needs_library
@settings(max_examples=60, deadline=None)
@given(
    before=matrices,
    seed=st.integers(0, 2**32),
    lost=st.sampled_from([0.0, 0.2, 0.9, 1.0]),
    most=st.sampled_from([0, 1, 50, 2**31]),
)
def test_what_follows_an_earlier_version_comes_back(
    before: Symbols, seed: int, lost: float, most: int, best: bool
) -> None:
    """By both coders alike, and together with a matrix that follows none."""
    given = [random_change(before, seed, lost, most), before, random_change(before, seed + 1, lost, most)]
    coded = encode(given, best)
    assert encode(given, best, portable=True) == coded
    for portable in (False, True):
        assert all(map(same, given, decode(coded, [matrix.outline for matrix in given], best, portable)))


@BEST
def test_what_has_hardly_changed_takes_next_to_nothing(best: bool) -> None:
    before = random_matrix(8, 0.1, 100, 100, 10, 10, 2)
    alone = len(encode([before], best))
    assert len(encode([random_change(before, 0, 0, 0)], best)) < 0.06 * alone
    assert len(encode([random_change(before, 0, 0, 1)], best)) < 0.4 * alone
    by_size = later(before, (before.values & 0x7FFFFFFF) > 5, np.zeros(before.values.size, np.int64))
    assert len(encode([by_size], best)) < 0.1 * len(encode([replace(by_size, outline=bare(by_size.outline))], best))


def bare(outline: Outline) -> Outline:
    return replace(outline, earlier=None)


@BEST
@pytest.mark.parametrize("portable", [False, True])
def test_damage_behind_an_earlier_version_is_told_or_stays_within_it(best: bool, portable: bool) -> None:
    before = random_matrix(4, 0.2, 8, 6, 4, 4, 2)
    matrix = random_change(before, 1, 0.3, 4)
    coded = encode([matrix], best)
    candidates = set(zip(np.repeat(np.arange(6), before.counts), before.indices, strict=True))
    random = np.random.default_rng(0)
    told = 0
    for _ in range(60 if portable else 600):
        damaged = bytearray(coded)
        damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
        del damaged[random.integers(1, len(damaged) + 1) :]
        try:
            (back,) = decode(bytes(damaged), [matrix.outline], best, portable)
        except DamagedError:
            told += 1
            continue
        assert candidates >= set(zip(np.repeat(np.arange(6), back.counts), back.indices, strict=True))
    assert told > 0


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("broken", ["rows", "counts", "falling", "beyond", "fewer", "more"])
def test_impossible_earlier_versions_are_damage(broken: str, portable: bool) -> None:
    before = symbols_of(np.full((2, 4), 3), np.array([[1, 0, 1, 0], [0, 1, 1, 0]], bool))
    words = np.uint32
    counts, indices, values = before.counts, before.indices, before.values
    earlier = {
        "rows": Earlier(np.array([4], words), indices, values),
        "counts": Earlier(np.array([2, 1], words), indices, values),
        "falling": Earlier(counts, np.array([2, 0, 1, 2], words), values),
        "beyond": Earlier(counts, np.array([0, 2, 1, 4], words), values),
        "fewer": Earlier(np.array([1, 1], words), np.array([0, 1], words), values[:2]),
        "more": Earlier(counts, np.zeros(0, words), np.zeros(9, words)),
    }[broken]
    with pytest.raises(DamagedError):
        list(decode(bytes(20), [replace(before.outline, nnz=3, earlier=earlier)], False, portable))
    with pytest.raises(InputError):
        encode([replace(before, outline=replace(before.outline, earlier=earlier))], False, portable)


def test_an_earlier_version_is_made_of_words() -> None:
    before = symbols_of(np.full((1, 2), 3), np.ones((1, 2), bool))
    earlier = Earlier(before.counts, before.indices, before.values.astype(np.int64))
    with pytest.raises(InputError, match="not words"):
        encode([replace(before, outline=replace(before.outline, earlier=earlier))], False)


@BEST
@pytest.mark.parametrize(
    ("rows", "columns", "at"), [(1, 1, [0]), (1, 70_000, [69_999]), (3000, 1, []), (2, 40_000, [0, 79_999])]
)
def test_lone_weights_and_huge_gaps(best: bool, rows: int, columns: int, at: list[int]) -> None:
    kept = np.zeros(rows * columns, bool)
    kept[at] = True
    matrix = symbols_of(np.full((rows, columns), -5), kept.reshape(rows, columns))
    coded = encode([matrix], best)
    (back,) = decode(coded, [matrix.outline], best)
    assert same(matrix, back)
    assert len(coded) < 60


@BEST
def test_zeros_with_a_sign_come_back(best: bool) -> None:
    outline = Outline(1, 3, 3, has_signs=True)
    values = np.array([0, 1 << 31, 0], np.uint32)
    matrix = Symbols(outline, np.array([3], np.uint32), np.zeros(0, np.uint32), values)
    (back,) = decode(encode([matrix], best), [outline], best)
    assert same(matrix, back)


def test_masks_with_structure_take_less_than_independent_bits() -> None:
    """Columns of an image that are rarely kept, as those at the rim of a picture are."""
    matrix = random_matrix(3, 0.05, 1, 300, 28, 28, 1)
    outline = matrix.outline
    p = outline.nnz / (outline.rows * outline.columns)
    independent = -outline.rows * outline.columns * (p * np.log2(p) + (1 - p) * np.log2(1 - p)) / 8
    signs_and_zeros = outline.nnz * 1.6 / 8
    fast, best = (len(encode([matrix], best)) for best in (False, True))
    assert fast < 0.95 * (independent + signs_and_zeros)
    assert best < 1.01 * fast


@BEST
@pytest.mark.parametrize("portable", [False, True])
def test_damage_is_told_or_gives_a_matrix_of_the_declared_size(best: bool, portable: bool) -> None:
    """Checksums are the container's matter: here any bytes end soon, and within the memory that was declared."""
    matrices = [random_matrix(seed, 0.1, 8, 6, 4, 4, 2) for seed in range(2)]
    outlines = [matrix.outline for matrix in matrices]
    coded = encode(matrices, best)
    random = np.random.default_rng(0)
    told = 0
    for _ in range(60 if portable else 600):
        damaged = bytearray(coded)
        damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
        del damaged[random.integers(1, len(damaged) + 1) :]
        try:
            for symbols, outline in zip(decode(bytes(damaged), outlines, best, portable), outlines, strict=True):
                assert symbols.counts.sum() == outline.nnz
                assert symbols.indices.max(initial=0) < outline.columns
        except DamagedError:
            told += 1
    assert told > 0


@BEST
@pytest.mark.parametrize("portable", [False, True])
def test_a_few_bytes_that_claim_a_huge_matrix_end_soon(best: bool, portable: bool) -> None:
    outline = Outline(1 << 16, 1 << 8 if portable else 1 << 15, 5)
    with pytest.raises(DamagedError, match="damaged"):
        list(decode(b"\x00\x01", [outline], best, portable))


@pytest.mark.parametrize("portable", [False, True])
def test_bytes_behind_the_last_matrix_are_damage(portable: bool) -> None:
    matrix = random_matrix(5, 0.3, 8, 4, 2, 2, 2)
    coded = encode([matrix], False)
    with pytest.raises(DamagedError, match="too long"):
        list(decode(coded + bytes(8), [matrix.outline], False, portable))


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize(
    "outline",
    [
        Outline(0, 1, 0),
        Outline(1, 0, 0),
        Outline(1, 1, 2),
        Outline(1, 1, -1),
        Outline(1, 6, 0, block=4),
        Outline(1, 6, 0, block=6, width=4),
        Outline(1, 6, 0, block=0),
        Outline(1, 6, 0, fan=-1),
        Outline(1, 6, 0, magnitude_bits=32),
        Outline(1 << 20, 1 << 20, 0),
        Outline(1, 1 << 25, 0),
    ],
)
def test_impossible_outlines_are_damage(outline: Outline, portable: bool) -> None:
    with pytest.raises(DamagedError):
        list(decode(bytes(20), [outline], False, portable))


@pytest.mark.parametrize("portable", [False, True])
def test_arrays_that_contradict_each_other_are_refused(portable: bool) -> None:
    good = symbols_of(np.ones((2, 3), int), np.array([[1, 0, 1], [0, 1, 0]], bool))
    words = np.uint32
    broken = [
        Symbols(good.outline, np.array([1, 2], words), good.indices, good.values),
        Symbols(good.outline, good.counts, np.array([2, 0, 1], words), good.values),
        Symbols(good.outline, good.counts, np.array([0, 2, 3], words), good.values),
        Symbols(good.outline, good.counts, good.indices[:2], good.values),
        Symbols(good.outline, good.counts, good.indices, good.values * words(2)),
        Symbols(good.outline, good.counts, good.indices, good.values | words(1 << 31)),
        Symbols(good.outline, good.counts, good.indices, good.values.astype(np.int64)),
        Symbols(Outline(2, 3, 9), good.counts, good.indices, good.values),
    ]
    for matrix in broken:
        with pytest.raises(InputError):
            encode([matrix], False, portable)


def test_without_a_library_python_codes_what_it_can_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "library", lambda: None)
    matrix = random_matrix(7, 0.2, 8, 4, 3, 3, 2)
    (back,) = decode(encode([matrix], True), [matrix.outline], True)
    assert same(matrix, back)
    with pytest.raises(InputError, match="too many to code without"):
        list(decode(b"", [Outline(1 << 13, 1 << 12, 0)], True))
