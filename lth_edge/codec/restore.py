"""From a container's coded bytes to its files: each matrix is rendered where it is wanted as soon as it is decoded."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from lth_edge.codec.base import Base
from lth_edge.codec.held import HeldMatrix
from lth_edge.codec.listing import Listing
from lth_edge.codec.stream import decode


def matrices_of(listing: Listing, coded: bytes, best: bool, base: Base | None) -> Iterator[HeldMatrix]:
    """The matrices of a container, in the order of its listing.

    Raises:
        DamagedError: the bytes are not theirs.
    """
    decoded = decode(coded, [recipe.outline for recipe in listing.matrices if not recipe.unchanged], best)
    for recipe in listing.matrices:
        if recipe.unchanged and recipe.origin is not None and base is not None:
            yield base.matrices[recipe.origin.matrix]
        else:
            symbols = next(decoded)
            yield HeldMatrix(replace(symbols, outline=replace(symbols.outline, earlier=None)), recipe.form)
    list(decoded)  # none is left: it looks at the end of the bytes


def files_of(listing: Listing, matrices: Iterable[HeldMatrix]) -> dict[str, bytes]:
    """Name -> content."""
    wanted: list[list[tuple[str, int]]] = [[] for _ in listing.matrices]
    parts: dict[str, list[bytes]] = {}
    for file in listing.files:
        parts[file.name] = [part for piece in file.pieces for part in (piece.before, b"")] + [file.behind]
        for place, piece in enumerate(file.pieces):
            wanted[piece.matrix].append((file.name, place))
    pieces = {(file.name, place): piece for file in listing.files for place, piece in enumerate(file.pieces)}
    for number, matrix in enumerate(matrices):
        for name, place in wanted[number]:
            piece = pieces[name, place]
            parts[name][2 * place + 1] = matrix.render(piece.rendering, piece.wide)
    return {name: b"".join(held) for name, held in parts.items()}
