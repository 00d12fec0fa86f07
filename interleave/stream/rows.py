"""Which samples make up which row: arithmetic on sizes, the same for every rank and worker.

Items (samples, or the parts that a whole document is cut into) fall, in the epoch's order, into windows; each window is
packed by itself. A row's address is (window, row in window), so a place in an epoch can be found again without packing
what lies before it. A row may be limited in images too: they, not its tokens, are what a vision encoder takes time and
memory for.

The rows of a window come in an order that spreads images evenly: the images of the first k rows are never further from
k times the window's mean than the row furthest from it is. So of two runs of equally many rows in a window, one has at
most four times that more, and ranks wait little for each other's vision towers.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from interleave.encode.split import Spans, cut
from interleave.errors import ShardError
from interleave.pack.packing import pack
from interleave.stream.order import Order
from interleave.stream.reader import DatasetReader

# (sample, first id, past the last id; None for all of it)
Item = tuple[int, int, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    """A row that is not read yet."""

    source: int
    # Number of the dataset in its mixture.
    window: int
    row: int
    # Position in its window.
    items: tuple[Item, ...]
    num_tokens: int
    # Expanded, without padding.
    num_images: int
    num_pixels: int
    # Of the images, as stored.


class _Piece(NamedTuple):
    """What of a sample goes into one row."""

    item: Item
    num_tokens: int
    num_images: int
    num_pixels: int


class RowPlan:
    """The rows of an epoch.

    Raises:
        ShardError: samples were cut to a longer context than a row holds, hold more images than a row may, or an image
            is longer than a row.
    """

    def __init__(
        self,
        reader: DatasetReader,
        order: Order,
        *,
        seq_len: int,
        window: int,
        max_images: int | None = None,
        packing: bool = True,
        source: int = 0,
    ) -> None:
        self._reader = reader
        self._order = order
        self._seq_len = seq_len
        self._window = window
        self._max_images = max_images
        self._packing = packing
        self._source = source
        self._sizes = reader.num_tokens()
        self._num_images = reader.num_images()
        self._num_pixels = reader.num_pixels()
        if reader.manifest.model.context is None:
            self._check_images()
        else:
            self._check_samples()

    @property
    def num_windows(self) -> int:
        return -(-self._order.num_items // self._window)

    def rows(self, window: int) -> list[PlannedRow]:
        """The rows of one window, packed best."""
        samples = self._order.at(window * self._window, (window + 1) * self._window)
        pieces = [piece for sample in samples.tolist() for piece in self._pieces(sample)]
        sizes, num_images = [piece.num_tokens for piece in pieces], [piece.num_images for piece in pieces]
        rows = (
            pack(sizes, self._seq_len, num_images, self._max_images)
            if self._packing
            else [[at] for at in range(len(pieces))]
        )
        order = spread_evenly([sum(num_images[at] for at in row) for row in rows])
        return [self._row(window, number, [pieces[at] for at in rows[chosen]]) for number, chosen in enumerate(order)]

    def _row(self, window: int, number: int, pieces: Sequence[_Piece]) -> PlannedRow:
        return PlannedRow(
            source=self._source,
            window=window,
            row=number,
            items=tuple(piece.item for piece in pieces),
            num_tokens=sum(piece.num_tokens for piece in pieces),
            num_images=sum(piece.num_images for piece in pieces),
            num_pixels=sum(piece.num_pixels for piece in pieces),
        )

    def _pieces(self, sample: int) -> Iterator[_Piece]:
        """A sample, or the parts that it is cut into."""
        size, num_images = int(self._sizes[sample]), int(self._num_images[sample])
        if size <= self._seq_len and (self._max_images is None or num_images <= self._max_images):
            yield _Piece((sample, 0, None), size, num_images, int(self._num_pixels[sample]))
            return
        found = self._reader.cut_points(sample)
        starts = found.span_starts
        spans = Spans(starts=starts, lengths=found.span_lengths, num_tokens=found.span_tokens)
        borders: Sequence[int] = cut(found.num_ids, spans, found.cuts, self._seq_len).borders
        if self._max_images is not None:
            borders = cut_by_images(borders, found.cuts, starts, self._max_images)
        grown = [more - length for length, more in zip(found.span_lengths, found.span_tokens, strict=True)]
        for start, stop in itertools.pairwise(borders):
            images = slice(bisect_left(starts, start), bisect_left(starts, stop))
            yield _Piece(
                (sample, start, stop),
                stop - start + sum(grown[images]),
                images.stop - images.start,
                sum(found.span_pixels[images]),
            )

    def _check_samples(self) -> None:
        folder, context = self._reader.folder, self._reader.manifest.model.context
        longest, most = int(self._sizes.max(initial=0)), int(self._num_images.max(initial=0))
        if longest > self._seq_len:
            raise ShardError(
                f"{folder}: samples of up to {longest:,} tokens do not fit seq_len={self._seq_len:,}; "
                f"build with encode.context={self._seq_len}, or with encode.context=null, which any seq_len can cut"
            )
        if self._max_images is not None and most > self._max_images:
            raise ShardError(
                f"{folder}: samples of up to {most} images do not fit max_images={self._max_images}; they were cut to "
                f"a context of {context:,}: build with encode.context=null, which any max_images can cut"
            )

    def _check_images(self) -> None:
        longest = self._reader.longest_image()
        if longest + 2 > self._seq_len:
            raise ShardError(
                f"{self._reader.folder}: an image takes up to {longest:,} tokens, "
                f"seq_len={self._seq_len:,} has no room for it"
            )


def cut_by_images(borders: Sequence[int], units: Sequence[int], starts: Sequence[int], max_images: int) -> list[int]:
    """More borders, so that no part has more than `max_images` images; in front of a unit where that can be done.

    units, starts: ascending positions where a sentence with its images begins, and where an image does. For borders
    [0 90], units [0 10 50], images at [20 30 60] and at most 2 of them:  [0 50 90]; at most 1:  [0 10 30 50 90].
    """
    found = [borders[0]]
    for stop in borders[1:]:
        while (beyond := bisect_left(starts, found[-1]) + max_images) < bisect_left(starts, stop):
            unit = bisect_right(units, starts[beyond]) - 1
            found.append(units[unit] if unit >= 0 and units[unit] > found[-1] else starts[beyond])
        found.append(stop)
    return found


def spread_evenly(numbers: Sequence[int]) -> list[int]:
    """The positions of numbers, in an order in which those below and above the mean take turns to keep sums near it.

    For [4 4 0 0 2], whose mean is 2:  [0 2 1 3 4], with sums 4 4 8 8 10.
    """
    total, above, below = sum(numbers), deque[int](), deque[int]()
    for at, number in enumerate(numbers):
        (above if number * len(numbers) >= total else below).append(at)
    order: list[int] = []
    surplus = 0  # of the sum over its share, times the number of numbers
    while above or below:
        at = (above if above and (surplus <= 0 or not below) else below).popleft()
        surplus += numbers[at] * len(numbers) - total
        order.append(at)
    return order
