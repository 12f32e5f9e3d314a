"""A listing in parts comes back, is never longer than by LZMA alone, and its books never change."""

import contextlib
import lzma
import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_edge.codec import parts
from lth_edge.codec.container import read_container, write_container
from lth_edge.codec.parts import pack_parts, unpack_lzma, unpack_parts
from lth_edge.codec.varints import Writer
from lth_edge.errors import DamagedError

CODEC = Path(parts.__file__).parent
BOOKS = sorted((CODEC / "phrases").iterdir())
RUNNER = CODEC.parent / "package" / "LICENSE-runner.txt"

pieces = st.one_of(
    st.binary(min_size=1, max_size=200),
    st.builds(
        lambda book, start, size: book.read_bytes()[start : start + size],
        st.sampled_from(BOOKS),
        st.integers(0, 32_000),
        st.integers(1, 500),
    ),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(pieces, max_size=4))
def test_any_parts_come_back(given_parts: list[bytes]) -> None:
    whole = b"".join(given_parts)
    assert unpack_parts(pack_parts(given_parts), len(whole)) == whole


def test_the_books_never_change() -> None:
    """The document names their hashes."""
    text = (CODEC / "LTHE.md").read_text()
    hashes = [sha256(book.read_bytes()).hexdigest()[:16] for book in BOOKS]
    assert hashes == ["0301f934d3e5ef3f", "105eb2c574f12288"]
    assert all(f"`{each}`" in text for each in hashes)


def test_what_a_book_says_takes_a_tenth_of_what_lzma_makes_of_it() -> None:
    text = RUNNER.read_bytes()
    assert len(pack_parts([text])) < len(lzma.compress(text, lzma.FORMAT_RAW, filters=parts._FILTERS)) / 10


@pytest.mark.parametrize("size", [1, 100, 3000])
def test_a_part_that_no_book_knows_is_packed_by_lzma(size: int) -> None:
    """Repetitions beyond the window of deflate."""
    part = bytes(range(256)) * size
    packed = pack_parts([part])
    assert len(packed) <= len(lzma.compress(part, lzma.FORMAT_RAW, filters=parts._FILTERS)) + 12
    assert unpack_parts(packed, len(part)) == part


PACKED = pack_parts([RUNNER.read_bytes(), b"and more", bytes(300)])
SIZE = RUNNER.stat().st_size + 8 + 300


def test_each_cut_and_each_wrong_size_is_told() -> None:
    for damaged, size in [(PACKED[:end], SIZE) for end in range(len(PACKED))] + [
        (PACKED + b"\0", SIZE),
        (PACKED, SIZE + 1),
        (PACKED, SIZE - 1),
        (PACKED, 0),
    ]:
        with pytest.raises(DamagedError):
            unpack_parts(damaged, size)


@settings(max_examples=400, deadline=None)
@given(
    place=st.integers(0, len(PACKED) - 1),
    change=st.integers(1, 255),
    unpack=st.sampled_from([unpack_parts, unpack_lzma]),
)
def test_damage_is_told_or_of_the_size_that_it_says(place: int, change: int, unpack) -> None:
    damaged = bytearray(PACKED)
    damaged[place] ^= change
    with contextlib.suppress(DamagedError):
        assert len(unpack(bytes(damaged), SIZE)) == SIZE


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_a_bomb_is_stopped_at_the_size_that_it_says(book: Path) -> None:
    """A megabyte of zeros in a kilobyte, of a part that says it has ten bytes."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=book.read_bytes())
    packed = compressor.compress(bytes(1 << 20)) + compressor.flush()
    writer = Writer()
    writer.numbers(1, 1 + BOOKS.index(book), 10, len(packed))
    with pytest.raises(DamagedError, match="longer than it says"):
        unpack_parts(bytes(writer.content) + packed, 10)


def test_models_and_texts_are_packed_apart() -> None:
    files = {"run.py": b"print(1)\n", "model.onnx": b"no model", "vector.bin": b"\0\1"}
    packed = write_container(files, True)
    assert read_container(packed) == files
    assert list(read_container(packed)) == ["model.onnx", "run.py", "vector.bin"]
