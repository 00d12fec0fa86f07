"""Which samples make up which row: arithmetic on sizes, the same for every rank and worker.

Items (samples, or the parts that a whole document is cut into) fall, in the epoch's order, into windows; each window is
packed by itself. A row's address is (window, row in window), so a place in an epoch can be found again without packing
what lies before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from interleave.encode.split import Spans, cut
from interleave.errors import ShardError
from interleave.pack.bestfit import pack
from interleave.stream.order import Order
from interleave.stream.reader import DatasetReader

# (sample, first id, past the last id; None for all of it)
Item = tuple[int, int, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    """A row that is not read yet."""

    window: int
    row: int
    # Position in its window.
    items: tuple[Item, ...]


class RowPlan:
    """The rows of an epoch.

    Raises:
        ShardError: samples were cut to a longer context than a row holds, or an image is longer than a row.
    """

    def __init__(self, reader: DatasetReader, order: Order, *, seq_len: int, window: int) -> None:
        self._reader = reader
        self._order = order
        self._seq_len = seq_len
        self._window = window
        self._sizes = reader.num_tokens()
        context = reader.manifest.model.context
        if context is not None and seq_len < int(self._sizes.max(initial=0)):
            raise ShardError(
                f"{reader.folder}: samples of up to {self._sizes.max():,} tokens do not fit seq_len={seq_len:,}; "
                f"build with encode.context={seq_len}, or with encode.context=null, which any seq_len can cut"
            )

        if context is None and seq_len < reader.manifest.model.tokens_per_image + 2:
            raise ShardError(
                f"{reader.folder}: an image takes {reader.manifest.model.tokens_per_image} tokens, "
                f"seq_len={seq_len:,} has no room for it"
            )

    @property
    def num_windows(self) -> int:
        return -(-self._order.num_items // self._window)

    def rows(self, window: int) -> list[PlannedRow]:
        """The rows of one window, packed best."""
        samples = self._order.at(window * self._window, (window + 1) * self._window)
        items: list[Item] = []
        sizes: list[int] = []
        for sample in samples.tolist():
            for item, size in self._items(sample):
                items.append(item)
                sizes.append(size)
        return [
            PlannedRow(window=window, row=number, items=tuple(items[at] for at in chosen))
            for number, chosen in enumerate(pack(sizes, self._seq_len))
        ]

    def _items(self, sample: int) -> Iterator[tuple[Item, int]]:
        size = int(self._sizes[sample])
        if size <= self._seq_len:
            yield (sample, 0, None), size
            return
        num_ids, cuts, starts, lengths, tokens = self._reader.cut_points(sample)
        spans = Spans(starts=starts, lengths=lengths, num_tokens=tokens)
        borders = cut(num_ids, spans, cuts, self._seq_len).borders
        for start, stop in itertools.pairwise(borders):
            images = sum(
                more - length
                for begin, length, more in zip(starts, lengths, tokens, strict=True)
                if start <= begin < stop
            )
            yield (sample, start, stop), stop - start + images
