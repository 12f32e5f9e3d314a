"""Ways to cut a convolution into tiles that are worth timing beside the rule's own.

A way is what the attribute `tuning` holds of a layer: method, output rows (of methods rows and shifted) or vectors (of
columns), and block, what the slab holds at a time. What a CPU's registers do not hold counts as the rule's own there.
"""

from collections.abc import Sequence
from math import prod

ROWS, SHIFTED, COLUMNS = range(3)
NAMES = ("rows", "shifted rows", "columns")
BY_RULE = (0, 0, 0)

_ROWS = (1, 2, 4, 8)
_VECTORS = (4, 8, 12)
_VECTORS_OF_POINTWISE = (1, 2, 4, 6, 8, 10, 12, 14, 16)
_FEWEST_LANES, _MOST_FLOATS = 4, 256  # of a vector; of all sums in registers, on the widest CPU
_SMALL_TILE = 32
_MOST_STRIDE = 8  # of which the kernels take rows

Way = tuple[int, int, int]


def candidates(channels: int, kernel: Sequence[int], strides: Sequence[int], out: Sequence[int]) -> list[Way]:
    """Up to fourteen ways, each with the block that the rule takes for it.

    Args:
        channels: of a group.
        kernel: height and width of the window.
        strides: likewise.
        out: height and width of the output.
    """
    pointwise = prod(kernel) * prod(strides) == 1
    found = [] if pointwise or max(strides) > _MOST_STRIDE else _whole_rows(channels, out)
    for vectors in _VECTORS_OF_POINTWISE if pointwise else _VECTORS:
        if (vectors - 1) * _FEWEST_LANES < prod(out):
            found.append((COLUMNS, vectors, channels * prod(kernel)))
    return found


def smaller_blocks(way: Way) -> list[Way]:
    """The same tiling with a half, a quarter and an eighth of all that the slab could hold."""
    method, extent, block = way
    return [(method, extent, part) for part in (block // 2, block // 4, block // 8) if part > 0]


def in_words(way: Way) -> str:
    """What a way is, for people."""
    method, extent, block = way
    if way == BY_RULE:
        return "as by rule"
    unit, held = ("vectors", "columns") if method == COLUMNS else ("rows", "channels")
    return f"{NAMES[method]}, {extent} {unit} a tile, at most {block} {held} at a time"


def _whole_rows(channels: int, out: Sequence[int]) -> list[Way]:
    height, width = out
    smallest = min(_SMALL_TILE, height * width)
    fitting = [rows for rows in sorted({*_ROWS, height}) if rows <= height and rows * width <= _MOST_FLOATS]
    return [(method, rows, channels) for method in (SHIFTED, ROWS) for rows in fitting if rows * width >= smallest]
