"""Filling rows one by one: the largest item that is left, and the set of others that fills its row best.

Which sums of sizes can be had is a set of bits, in one large integer: adding an item is a shift and an `or`. For a room
of 7 and items of 4, 3 and 2:

    reach        1          nothing                      0
    with 4       10001      (reach << 4) | reach         0 4
    with 3       10011001   (reach << 3) | reach         0 3 4 7    7 is full: 4 + 3

Items larger than half the room never stand there by two, so their sums are themselves and need no shift. The largest
others come first, and the search ends as soon as the room is filled well enough: small items fit nearly everywhere and
are worth keeping. "Minimum bin slack" of Gupta and Ho (1999) is the same idea, with a search in place of the bits.

Where images are limited too, the bits of a row with one image more stand a stride further on: tokens + images * stride.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import islice, repeat

from interleave.pack.kinds import Counts, Kind, Limits, Pattern, most

# Sums that a bit is kept for: 1 MiB, as of rows of 65,536 tokens and 63 images.
_MAX_SUMS = 1 << 23
# Bits that the search for one row may write: with 4,096 tokens and no limit of images that is 1,000 items at least.
_MAX_BITS = 1 << 22
# A row that could hold more than so many of the largest item that is left takes it without a search.
_NUM_SEARCHED = 8


def can_search(limits: Limits) -> bool:
    """Whether the sums that a row can have are few enough."""
    return _stride(limits) * (limits.images + 1) <= _MAX_SUMS


def fill_rows(counts: Counts, limits: Limits, slack: Kind) -> list[Pattern]:
    """Rows of all items, none above its limits, each filled up to `slack` (tokens, images) where that can be done.

    With sizes [6 5 4 3 2] and a capacity of 10, slack (0, 0):  [6 4] [5 3 2].
    """
    left = _Left(counts, limits)
    patterns = []
    for seed in sorted(counts, key=lambda kind: (limits.share(kind), kind), reverse=True):
        while left.counts[seed]:
            row = left.fill(seed, slack)
            num_rows = min(left.counts[kind] // row.count(kind) for kind in row)
            for kind in row:
                left.take(kind, num_rows)
            patterns.append(Pattern(tuple(row), num_rows))
    return patterns


class _Left:
    """Items that are in no row yet."""

    def __init__(self, counts: Counts, limits: Limits) -> None:
        self.counts = dict(counts)
        self._limits = limits
        self._stride = _stride(limits)
        # A bit at every multiple of the stride, one for each number of images.
        self._columns = sum(1 << images * self._stride for images in range(limits.images + 1))
        # Ascending.
        self._kinds = sorted(counts)
        # A bit for each kind of which there are any.
        self._bits = sum(1 << self._code(kind) for kind in counts)

    def take(self, kind: Kind, number: int) -> None:
        self.counts[kind] -= number
        if not self.counts[kind]:
            self._bits ^= 1 << self._code(kind)
            del self._kinds[bisect_left(self._kinds, kind)]

    def fill(self, seed: Kind, slack: Kind) -> list[Kind]:
        """A row that begins with `seed`."""
        row = [seed]
        tokens, images = self._limits.tokens - seed[0], self._limits.images - seed[1]
        for kind in self._others(row, tokens, (tokens, images)):
            if tokens <= _NUM_SEARCHED * kind[0]:
                break
            if kind[1] <= images:
                row.append(kind)
                tokens, images = tokens - kind[0], images - kind[1]
        return row + self._best_set(row, tokens, images, slack)

    def _best_set(self, row: list[Kind], tokens: int, images: int, slack: Kind) -> list[Kind]:
        """The items beside those of the row that fill a room of so many tokens and images best."""
        half = tokens // 2
        inside = self._bits_up_to(tokens, images)
        reach = 1 | self._bits_without(row) & inside & ~self._bits_up_to(half, images)
        too_few_tokens = self._bits_up_to(tokens - slack[0] - 1, images)
        too_few_images = self._bits_up_to(tokens, images - slack[1] - 1)
        full = inside & ~too_few_tokens & ~too_few_images
        steps: list[tuple[Kind, int]] = []
        for kind in islice(self._others(row, half, (tokens, images)), _MAX_BITS // inside.bit_length()):
            if reach & full:
                break
            steps.append((kind, reach))
            reach |= reach << self._code(kind) & inside
        return self._walk_back(steps, self._fullest(reach & full or reach, images))

    def _others(self, row: list[Kind], largest: int, room: Kind) -> Iterator[Kind]:
        """Items that are not in the row, the largest first, no more of a kind than there is room for."""
        for at in range(bisect_right(self._kinds, (largest, self._limits.images)) - 1, -1, -1):
            kind = self._kinds[at]
            if kind[1] <= room[1]:
                yield from repeat(kind, min(self.counts[kind] - row.count(kind), most(kind, room)))

    def _bits_without(self, row: list[Kind]) -> int:
        """A bit for each kind of which there are any outside the row."""
        bits = self._bits
        for kind in set(row):
            if self.counts[kind] == row.count(kind):
                bits ^= 1 << self._code(kind)
        return bits

    def _walk_back(self, steps: list[tuple[Kind, int]], sum_: int) -> list[Kind]:
        """Items whose codes add up to `sum_`: those without which it could not be reached."""
        kinds = []
        for kind, before in reversed(steps):
            if not before >> sum_ & 1:
                kinds.append(kind)
                sum_ -= self._code(kind)
        images, tokens = divmod(sum_, self._stride)
        return [*kinds, (tokens, images)] if sum_ else kinds

    def _fullest(self, reach: int, images: int) -> int:
        """The sum that takes the largest share of a row."""
        if not images:
            return reach.bit_length() - 1
        column = (1 << self._stride) - 1
        found = [(number, reach >> number * self._stride & column) for number in range(images + 1)]
        sums = [(bits.bit_length() - 1, number) for number, bits in found if bits]
        return self._code(max(sums, key=self._limits.total_share))

    def _code(self, kind: Kind) -> int:
        return kind[0] + kind[1] * self._stride

    def _bits_up_to(self, tokens: int, images: int) -> int:
        if tokens < 0 or images < 0:
            return 0
        columns = self._columns & ((1 << images * self._stride + 1) - 1)
        return ((1 << tokens + 1) - 1) * columns


def _stride(limits: Limits) -> int:
    """A sum of two that are inside a row stays below it."""
    return 2 * limits.tokens + 2
