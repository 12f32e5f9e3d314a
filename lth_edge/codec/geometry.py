"""How the columns of a matrix lie, as far as that makes it smaller: a few guesses, tried."""

from collections.abc import Iterator
from dataclasses import replace
from math import isqrt, prod

from lth_edge.codec.stream import encode
from lth_edge.codec.symbols import Outline, Symbols

_MOST_TRIED = 1 << 22  # cells; the first guess will do for larger ones


def lay_out(symbols: Symbols, kernel: tuple[int, ...], before: Symbols | None) -> Symbols:
    """The matrix with the block, width and fan that code it best.

    Args:
        kernel: lengths of the axes of a convolution's kernel; empty for others.
        before: the matrix that is coded before it.
    """
    rows_before = before.outline.rows if before is not None else 0
    guesses = [_with_outline(symbols, guess) for guess in _guesses(symbols.outline, kernel, rows_before)]
    cells = symbols.outline.rows * symbols.outline.columns
    if len(guesses) == 1 or cells > _MOST_TRIED:
        return guesses[0]
    start = [] if before is None else [before]
    return min(guesses, key=lambda guess: len(encode([*start, guess], best=False)))


def _guesses(outline: Outline, kernel: tuple[int, ...], rows_before: int) -> Iterator[Outline]:
    fan = outline.columns // rows_before if rows_before > 1 and outline.columns % rows_before == 0 else 0
    for block, width in _blocks(outline.columns, kernel, fan):
        yield replace(outline, block=block, width=width, fan=fan)


def _blocks(columns: int, kernel: tuple[int, ...], fan: int) -> Iterator[tuple[int, int]]:
    """Lengths of a block and widths of its image, the likeliest first."""
    if prod(kernel) > 1 and columns % prod(kernel) == 0:
        yield prod(kernel), kernel[-1]
        return
    yield 1, 1
    for channels in (1, 3):
        side = isqrt(columns // channels)
        if side > 2 and side * side * channels == columns:
            yield side * side, side
    if fan > 1:
        side = isqrt(fan)
        yield fan, side if side * side == fan else fan


def _with_outline(symbols: Symbols, outline: Outline) -> Symbols:
    return replace(symbols, outline=outline)
