"""The row that a sample shares with its neighbours when a trainer packs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from interleave.errors import ShardError
from interleave.stream.order import Order
from interleave.stream.reader import DatasetReader
from interleave.stream.rows import PlannedRow, RowPlan

_WINDOW = 1000
# Of a dataset whose documents are stored whole: VILA's context.
_USUAL = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A packed row: what it holds, and what stays empty."""

    seq_len: int
    num_tokens: int
    samples: tuple[int, ...]
    # Numbers, in their order in the row.
    sizes: tuple[int, ...]
    # Tokens of each, or of the part of it that is in this row.


class RowFinder:
    """Packs a dataset as a loader does, but 1,000 neighbours at a time, where a loader draws 1,000 from everywhere."""

    def __init__(self, reader: DatasetReader) -> None:
        self._reader = reader
        context = reader.manifest.model.context
        self._seq_len = context or max(_USUAL, reader.longest_image() + 2)
        order = Order(len(reader), dataset=reader.digest, seed=0, epoch=0, shuffle=False)
        self._plan = RowPlan(reader, order, seq_len=self._seq_len, window=_WINDOW)
        self._window = lru_cache(maxsize=4)(self._rows_of)
        self._tokens = reader.num_tokens()

    def rows_of(self, sample: int) -> tuple[Packed, ...]:
        """The row that a sample is in; of a document that is cut for rows all of them."""
        return tuple(map(self._packed, self._window(sample // _WINDOW).get(sample, [])))

    def _rows_of(self, window: int) -> dict[int, list[PlannedRow]]:
        found: dict[int, list[PlannedRow]] = {}
        for row in self._plan.rows(window):
            for sample in {item[0] for item in row.items}:
                found.setdefault(sample, []).append(row)
        return found

    def _packed(self, row: PlannedRow) -> Packed:
        sizes = tuple(self._sizes(row))
        return Packed(
            seq_len=self._seq_len,
            num_tokens=row.num_tokens,
            samples=tuple(sample for sample, _, _ in row.items),
            sizes=sizes,
        )

    def _sizes(self, row: PlannedRow) -> Iterator[int]:
        for sample, start, stop in row.items:
            if stop is None:
                yield int(self._tokens[sample])
                continue
            points = self._reader.cut_points(sample)
            spans = zip(points.span_starts, points.span_lengths, points.span_tokens, strict=True)
            growth = sum(more - length for at, length, more in spans if start <= at < stop)
            yield stop - start + growth


def open_rows(reader: DatasetReader | None) -> RowFinder | None:
    """Finds rows of a dataset; None for a tar alone, and where samples cannot be packed."""
    try:
        return None if reader is None else RowFinder(reader)
    except ShardError:
        return None
