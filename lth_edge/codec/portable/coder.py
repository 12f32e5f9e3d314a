"""Matrices, cell by cell, through a coder; see kernels/codec/code_matrix.h."""

from lth_edge.codec.portable.earlier import EarlierModel
from lth_edge.codec.portable.mixing import Counters, Mixer, level, share
from lth_edge.codec.portable.models import Coder, MaskModel, ValueModel
from lth_edge.codec.portable.places import Columns, Place, Row, cell_of, size
from lth_edge.codec.portable.range_coder import RangeDecoder, RangeEncoder
from lth_edge.codec.symbols import Symbols

_MOST_FED = 1 << 16


class PortableStream:
    """All that is learned, from the first matrix of a stream to its last."""

    def __init__(self, coder: Coder, best: bool) -> None:
        self._coder = coder
        self._earlier = EarlierModel()
        self._mask, self._value = MaskModel(best), ValueModel(best, self._earlier)
        self._mixer = Mixer()
        self._fed: list[int] = []

    def code(self, symbols: Symbols) -> bool:
        """Code a matrix: encode its arrays, or fill them.

        Returns:
            False where the arrays contradict the outline, or the bytes are damaged; the stream is over then.
        """
        if not symbols.outline.is_possible():
            return False
        self._mask.doubt()
        self._value.doubt()
        self._earlier.doubt()
        models = self._mask, self._value, self._earlier
        return _MatrixCoder(self._coder, models, self._mixer, self._fed, symbols).run()


class _MatrixCoder:
    def __init__(
        self,
        coder: Coder,
        models: tuple[MaskModel, ValueModel, EarlierModel],
        mixer: Mixer,
        fed: list[int],
        symbols: Symbols,
    ) -> None:
        self._coder, self._mixer, self._fed = coder, mixer, fed
        self._mask, self._value, self._earlier = models
        self._symbols, self._outline = symbols, symbols.outline
        self._prior = share(self._outline.nnz, self._outline.rows * self._outline.columns, 32768, 1)
        self._kept_prior = share(self._outline.nnz, self._outline.candidates, 32768, 1)
        self._columns = Columns(self._outline)
        self._done = 0

    def run(self) -> bool:
        outline = self._outline
        rows = [[0] * outline.columns for _ in range(3)]
        levels = []
        for number in range(outline.rows):
            self._columns.sum_up(number, self._prior)
            place = Place(self._columns, Row(number), [0] * outline.columns, rows, self._was(number))
            if not self._code_row(place):
                return False
            rows = [place.current, *rows[:2]]
            levels.append(level(share(place.row.kept, outline.columns, self._prior, 4)))
        self._fed[:] = levels[:_MOST_FED]
        return self._done == outline.nnz

    def _code_row(self, place: Place) -> bool:
        outline, row, counts = self._outline, place.row, self._symbols.counts
        negatives: Counters = {}
        for c in range(outline.columns):
            place.c = c
            if c % outline.block == 0:
                row.in_block = 0
            if outline.earlier is not None and c not in place.earlier:
                continue
            row.level = level(share(row.kept, c, self._prior, 8))
            fed = c // outline.fan if outline.fan else _MOST_FED
            row.fed_level = self._fed[fed] if fed < len(self._fed) else 0
            if outline.nnz == outline.candidates or self._code_kept(place):
                if self._done == outline.nnz:
                    return False
                self._code_value(place, negatives)
        if isinstance(self._coder, RangeDecoder):
            counts[row.number] = row.kept
            return not self._coder.failed
        return int(counts[row.number]) == row.kept

    def _was(self, row: int) -> dict[int, int]:
        """Column -> value, of what was kept of a row in the earlier version."""
        earlier, columns = self._outline.earlier, self._outline.columns
        if earlier is None:
            return {}
        if earlier.values.size == self._outline.rows * columns:
            return dict(enumerate(earlier.values[row * columns : (row + 1) * columns].tolist()))
        start, count = int(earlier.counts[:row].sum()), int(earlier.counts[row])
        indices, values = (array[start : start + count].tolist() for array in (earlier.indices, earlier.values))
        return dict(zip(indices, values, strict=True))

    def _code_kept(self, place: Place) -> int:
        symbols, row = self._symbols, place.row
        kept = (
            isinstance(self._coder, RangeEncoder)
            and self._done < self._outline.nnz
            and row.kept < symbols.counts[row.number]
            and int(symbols.indices[self._done]) == place.c
        )
        if self._outline.earlier is not None:
            return self._earlier.code_kept(self._coder, int(kept), self._mixer, place, self._kept_prior)
        return self._mask.code(self._coder, int(kept), self._mixer, place)

    def _code_value(self, place: Place, negatives: Counters) -> None:
        symbols, columns, row, c = self._symbols, self._columns, place.row, place.c
        given = 0 if self._coder.decodes else int(symbols.values[self._done])
        value = self._value.code(self._coder, given, self._mixer, place, negatives)
        cell = cell_of(value, self._outline.magnitude_bits)
        place.current[c] = columns.last[c] = cell
        columns.counts[c] += 1
        row.kept += 1
        row.in_block += 1
        row.sizes += size(cell)
        row.last = cell
        if self._coder.decodes:
            if not self._outline.full:
                symbols.indices[self._done] = c
            symbols.values[self._done] = value
        self._done += 1
