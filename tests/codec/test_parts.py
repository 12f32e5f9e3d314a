"""A listing in parts comes back, is never longer than by LZMA alone, and its books never change."""

import contextlib
import lzma
import random
import zlib
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_edge.codec import parts
from lth_edge.codec.container import read_container, write_container
from lth_edge.codec.parts import pack_parts, unpack_lzma, unpack_parts
from lth_edge.codec.varints import Reader, Writer
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


def test_what_repeats_beyond_the_window_of_deflate_is_packed_by_lzma() -> None:
    part = random.Random(0).randbytes(40_000) * 2
    packed = pack_parts([part])
    assert packed[:2] == bytes([1, 0]), "one part, of packing 0"
    assert len(packed) < 41_000
    assert unpack_parts(packed, len(part)) == part


STORED = lzma.compress(random.Random(0).randbytes(300) * 4, lzma.FORMAT_RAW, filters=parts._FILTERS)
GIVEN = [RUNNER.read_bytes(), BOOKS[0].read_bytes()[:900], bytes(range(256)) * 200]
PACKED, SIZE = pack_parts(GIVEN), sum(map(len, GIVEN))


def test_the_parts_that_are_damaged_below_are_of_all_packings() -> None:
    reader, packings = Reader(PACKED), set()
    for _ in range(reader.number()):
        packings.add(reader.number())
        reader.number()
        reader.take(reader.number())
    assert packings == {0, 1, 2}


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
@given(place=st.integers(0), change=st.integers(1, 255), whole=st.sampled_from([(PACKED, SIZE), (STORED, 1200)]))
def test_damage_is_told_or_of_the_size_that_it_says(place: int, change: int, whole: tuple[bytes, int]) -> None:
    packed, size = whole
    damaged = bytearray(packed)
    damaged[place % len(packed)] ^= change
    with contextlib.suppress(DamagedError):
        assert len((unpack_parts if packed is PACKED else unpack_lzma)(bytes(damaged), size)) == size


def test_a_stream_of_lzma_ends_where_it_says() -> None:
    assert len(unpack_lzma(STORED, 1200)) == 1200
    for packed, size in ((STORED, 1199), (STORED, 1201), (STORED + b"behind", 1200), (STORED[:-1], 1200)):
        with pytest.raises(DamagedError):
            unpack_lzma(packed, size)


def test_a_packing_of_a_newer_release_asks_for_one() -> None:
    with pytest.raises(DamagedError, match=r"unknown here \(3\)") as raised:
        unpack_parts(bytes([1, 3, 2, 1, 0]), 2)
    assert raised.value.mend == "upgrade lth-edge"


def test_a_book_that_is_not_as_released_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "phrases").mkdir()
    for book in BOOKS:
        (tmp_path / "phrases" / book.name).write_bytes(book.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(parts, "__file__", str(tmp_path / "parts.py"))
    parts._book.cache_clear()
    with pytest.raises(DamagedError, match="this lth-edge is damaged"):
        unpack_parts(PACKED, SIZE)
    monkeypatch.undo()
    assert unpack_parts(PACKED, SIZE) == b"".join(GIVEN)


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
