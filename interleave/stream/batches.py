"""Which rows make up which batch, in one global sequence, and which of them a rank takes.

    rows ─> batches (of so many rows, or of rows of like length) ─> rounds (a batch for each rank)

Packed rows are all of one length: a batch is the next so many of them. Rows of one document each differ: some hundred
are sorted by length, cut into batches, and these shuffled, so that little of a batch is padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from interleave.identity import seeded_u64
from interleave.stream.mix import Cursor, Mixture
from interleave.stream.rows import PlannedRow

# Batches' worth of rows that are sorted by length together.
_NUM_SORTED = 64


class Position(NamedTuple):
    """A place between two batches."""

    cursors: tuple[Cursor, ...]
    # Where the rows begin that batches are made of.
    num_taken: int = 0
    # Of these batches.


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How rows become batches."""

    size: int
    # Rows of a batch, at most.
    max_tokens: int | None
    # Rows times the longest, at most; None: as many as there are.
    max_images: int | None
    max_pixels: int | None
    # Of the rows together, at most, unless one row alone has more.
    by_length: bool
    # Whether rows of like length come together.


def batches(
    mixture: Mixture, start: Position, batching: Batching, *, seed: int, epoch: int
) -> Iterator[tuple[list[PlannedRow], Position]]:
    """Batches from a place on, each with the place behind it."""
    rows = mixture.rows(start.cursors)
    cursors, skipped = start
    while chunk := list(islice(rows, batching.size * (_NUM_SORTED if batching.by_length else 1))):
        found = [row for row, _ in chunk]
        cut = _alike(found, batching, seed, epoch) if batching.by_length else [found]
        for number, batch in enumerate(cut[skipped:], start=skipped + 1):
            yield batch, Position(cursors, number) if number < len(cut) else Position(chunk[-1][1])
        cursors, skipped = chunk[-1][1], 0


def rounds(
    found: Iterator[tuple[list[PlannedRow], Position]], rank: int, world_size: int, size: int | None
) -> Iterator[tuple[list[PlannedRow], Position]]:
    """A rank's batches, each with the place behind all ranks' batches of that round.

    size: rows without which a batch, and with it its round, is left out (`drop_last`); None: nothing is left out, and
    where the end has too few batches for all ranks they are cut smaller: every rank has as many as the others, and the
    last one has no row for some where there are fewer rows than ranks.
    """
    while turn := list(islice(found, world_size)):
        taken = [rows for rows, _ in turn]
        if size is not None and (len(turn) < world_size or len(taken[-1]) < size):
            return
        if len(turn) < world_size:
            taken = _dealt(taken, world_size)
        yield taken[rank], turn[-1][1]


def _alike(rows: Sequence[PlannedRow], batching: Batching, seed: int, epoch: int) -> list[list[PlannedRow]]:
    """Batches of rows of like length, in any order."""
    cut: list[list[PlannedRow]] = [[]]
    for row in sorted(rows, key=lambda row: -row.num_tokens):
        if cut[-1] and not _has_room(cut[-1], row, batching):
            cut.append([])
        cut[-1].append(row)
    return sorted(cut, key=lambda batch: seeded_u64(seed, "batches", epoch, *_address(batch[0])))


def _has_room(batch: Sequence[PlannedRow], row: PlannedRow, batching: Batching) -> bool:
    """batch: its first row is its longest."""
    together = (*batch, row)
    budgets = (
        (batching.size, len(together)),
        (batching.max_tokens, len(together) * batch[0].num_tokens),
        (batching.max_images, sum(each.num_images for each in together)),
        (batching.max_pixels, sum(each.num_pixels for each in together)),
    )
    return all(limit is None or amount <= limit for limit, amount in budgets)


def _address(row: PlannedRow) -> tuple[int, ...]:
    return (row.source, row.window, row.row, *row.items[0][:2])


def _dealt(batches: Sequence[list[PlannedRow]], num_ranks: int) -> list[list[PlannedRow]]:
    """A batch for each rank, in the same order of rows: the largest are cut in two. For 3 ranks:

    [0 1 2 3] [4]  ->  [0 1] [2 3] [4]        [0 1]  ->  [0] [1] []
    """
    found = list(batches)
    while len(found) < num_ranks and max(map(len, found)) > 1:
        largest = max(range(len(found)), key=lambda number: len(found[number]))
        rows = found[largest]
        middle = -(-len(rows) // 2)
        found[largest : largest + 1] = [rows[:middle], rows[middle:]]
    return found + [[] for _ in range(num_ranks - len(found))]
