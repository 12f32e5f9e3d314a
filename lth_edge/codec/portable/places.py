"""What is known around a cell when it is coded; see kernels/codec/neighbours.h."""

from dataclasses import dataclass

from lth_edge.codec.portable.mixing import Counters, level, share
from lth_edge.codec.symbols import Outline

# A coded cell is 0 where pruned, else 128, 64 if negative, and its magnitude in 32 steps.
Cell = int
_NEAR = ((0, 144, 36, 16), (144, 72, 28, 14), (36, 28, 18, 11), (16, 14, 11, 8))


def cell_of(value: int, magnitude_bits: int) -> Cell:
    """The cell of a kept weight."""
    return 128 | value >> 31 << 6 | (value & 0x7FFFFFFF) >> max(magnitude_bits - 5, 0)


def sign(cell: Cell) -> int:
    """0 pruned, 2 positive, 3 negative."""
    return cell >> 6


def size(cell: Cell) -> int:
    """The magnitude, in 32 steps."""
    return cell & 31


@dataclass
class Row:
    """What is known of the row being coded."""

    number: int
    kept: int = 0
    sizes: int = 0
    in_block: int = 0
    last: Cell = 0
    level: int = 0
    fed_level: int = 0
    candidates: int = 0
    recent: int = 0


class Columns:
    """What is known of the columns of a matrix, after some of its rows."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        places = [divmod(c % outline.block, outline.width) for c in range(outline.columns)]
        height = outline.block // outline.width
        self.x_before = [min(x, 3) for _, x in places]
        self.x_behind = [min(outline.width - 1 - x, 3) for _, x in places]
        self.y_before = [min(y, 3) for y, _ in places]
        self._y_behind = [y + 1 < height for y, _ in places]
        self.counts = [0] * outline.columns
        self.last: list[Cell] = [0] * outline.columns
        self.kept: Counters = {}
        self.negative: Counters = {}
        self.share: list[int] = []
        self.smooth: list[int] = []
        self.level: list[int] = []
        self.smooth_level: list[int] = []

    def sum_up(self, rows: int, prior: int) -> None:
        """Take in what `rows` rows tell; `prior` is the share of kept weights in the whole matrix."""
        self.share = [share(count, rows, prior, 2) for count in self.counts]
        self.smooth = [self._smooth(c, rows, prior) for c in range(self.outline.columns)]
        self.level = [level(p) for p in self.share]
        self.smooth_level = [level(p) for p in self.smooth]

    def _smooth(self, c: int, rows: int, prior: int) -> int:
        width, counts = self.outline.width, self.counts
        beside = (
            (self.x_before[c], c - 1),
            (self.x_behind[c], c + 1),
            (self.y_before[c], c - width),
            (self._y_behind[c], c + width),
        )
        there = [counts[place] for exists, place in beside if exists]
        weight = 2 + len(there)
        return share(2 * counts[c] + sum(there), weight * rows, prior, 2 * weight)


@dataclass
class Place:
    """A cell with all that is known when it is coded.

    Attributes:
        current: the cells of its row, pruned ones from this one on.
        above: the three rows above, the nearest first.
        earlier: column -> value, of what was kept of its row in the earlier version.
    """

    columns: Columns
    row: Row
    current: list[Cell]
    above: list[list[Cell]]
    earlier: dict[int, int]
    c: int = 0

    def left(self) -> Cell:
        return self.current[self.c - 1] if self.columns.x_before[self.c] else 0

    def up(self, right: int = 0) -> Cell:
        """The cell above in the image, or the one left (-1) or right (1) of that."""
        columns, c = self.columns, self.c
        beside = right == 0 or (columns.x_before[c] if right < 0 else columns.x_behind[c])
        return self.current[c - columns.outline.width + right] if columns.y_before[c] and beside else 0

    def channel(self) -> Cell:
        """The cell at this place in the block before."""
        block = self.columns.outline.block
        return self.current[self.c - block] if self.c >= block else 0

    def pattern(self) -> int:
        """Which cells of the row around this one are kept."""
        around = (self.left(), self.up(), self.up(-1), self.up(1), self.channel())
        return sum(cell >> 7 << place for place, cell in enumerate(around))

    def pattern_above(self) -> int:
        """Which cells of the rows above are kept."""
        return sum(row[self.c] >> 7 << place for place, row in enumerate(self.above))

    def surroundings(self) -> tuple[int, int, int]:
        """Weights of the kept cells up to three places before in the image, of all of them, and of their signs."""
        kept = looked_at = signs = 0
        columns, c, width = self.columns, self.c, self.columns.outline.width
        for dy in range(columns.y_before[c] + 1):
            for dx in range(-columns.x_before[c], columns.x_behind[c] + 1 if dy else 0):
                weight = _NEAR[dy][abs(dx)]
                cell = self.current[c - dy * width + dx]
                looked_at += weight
                if cell:
                    kept += weight
                    signs += -weight if cell & 64 else weight
        return kept, looked_at, signs
