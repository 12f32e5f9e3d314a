"""The reader of .lthe files under atheris: any bytes end in files, or in an error that lth-edge knows.

The first byte of an input says what the others are: a container behind its checksum, as one who means harm would seal
it; or its listing, which the program packs, and the stream. Updates are read with a base. Caps are lowered to what a
test may allocate; libFuzzer's limits on memory and time then tell whether they hold.

    python tests/codec/fuzz/container.py [LIBFUZZER_OPTION ...] CORPUS
"""

import contextlib
import sys
import zlib
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[3])]

with atheris.instrument_imports(include=["lth_edge.codec"]):
    from lth_edge.codec import container, listing, parts, recipes
    from lth_edge.codec.container import UPDATE, Given, read_base, read_container, write_container
    from lth_edge.codec.varints import Reader, Writer
    from lth_edge.errors import DamagedError, InputError
    from lth_edge.packed import MAGIC
    from lth_edge.sparse import stream_parts

import test_expanded  # noqa: E402
from test_container import VERSION_1, VERSION_1_IN_PARTS, forms  # noqa: E402
from test_since import BASE, VERSION_2, VERSION_2_IN_PARTS  # noqa: E402

_MOST_CELLS, _MOST_BYTES = 1 << 18, 1 << 20
BASE_FILE = Given("base", bytes.fromhex(BASE))
SEALED, LISTING = range(2)
_BODY, _PARTS = 22, 4


def seeds() -> dict[str, bytes]:
    """Inputs that are read to the end."""
    whole = [bytes.fromhex(each) for each in (VERSION_1, VERSION_1_IN_PARTS, VERSION_2, VERSION_2_IN_PARTS, BASE)]
    whole += [write_container(forms(1, 0.05), best) for best in (True, False)]
    whole += [write_container(forms(2, 0.05), True, read_base(BASE_FILE))]
    whole += [write_container({"ticket.onnx": test_expanded.forms("codebook-2")["ticket.onnx"]}, True)]
    sealed = {f"sealed-{number}": bytes([SEALED]) + content[8:] for number, content in enumerate(whole)}
    listings = {f"listing-{number}": content for number, content in enumerate(map(_unpacked, whole)) if content}
    return sealed | listings


def try_one(data: bytes) -> None:
    """Read what the bytes say."""
    rest = _packed(data[1:]) if data[:1] == bytes([LISTING]) else data[1:]
    head, checked = rest[:2], rest[6:]
    content = MAGIC + head + zlib.crc32(checked).to_bytes(4, "little") + checked
    with contextlib.suppress(DamagedError, InputError):
        read_container(content, [BASE_FILE] if head[:1] == bytes([UPDATE]) else [])


def _packed(data: bytes) -> bytes:
    """Flags, checksum and digest, then where the listing ends, and it and the stream: as they lie behind the magic."""
    head, size = data[:14], int.from_bytes(data[14:16], "little")
    text, stream = data[16 : 16 + size], data[16 + size :]
    book = parts._book(1)
    compressor = zlib.compressobj(0, zlib.DEFLATED, -15, zdict=book)
    stored = compressor.compress(text) + compressor.flush()
    part, listed = Writer(), Writer()
    part.numbers(1, 1, len(text), len(stored))
    listed.numbers(len(text), len(part.content) + len(stored))
    flags = bytes(each | _PARTS for each in head[1:2])
    return head[:1] + flags + head[2:] + listed.content + part.content + stored + stream


def _unpacked(content: bytes) -> bytes:
    """The input from which `_packed` makes this container; none of an update, whose base stands before its listing."""
    if content[8] != 1 or not content[9] & _PARTS:
        return b""
    reader = Reader(content, _BODY)
    size, packed = reader.number(), reader.number()
    text = parts.unpack_parts(reader.take(packed), size)
    return bytes([LISTING]) + content[8:_BODY] + len(text).to_bytes(2, "little") + text + reader.rest()


def main() -> None:
    recipes.MOST_CELLS = stream_parts.MOST_WEIGHTS = _MOST_CELLS
    listing._MOST_BYTES = container._LARGEST_LISTING = _MOST_BYTES
    corpus = Path(sys.argv[-1])
    if not any(corpus.iterdir()):
        for name, content in seeds().items():
            (corpus / name).write_bytes(content)
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
