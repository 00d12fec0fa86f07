"""Where iterations begin, in memory shared with DataLoader workers: those that persist hear of a new epoch, too."""

from __future__ import annotations

from typing import NamedTuple

import torch

from interleave.stream.batches import Position
from interleave.stream.mix import Cursor


class Place(NamedTuple):
    """Where the next iteration begins."""

    number: int
    # Of this place: each one that was set has another.
    epoch: int
    position: Position
    own: bool
    # Whether it lies behind a batch of this worker, rather than behind one of each.


class Start:
    """A place that may be set from outside, and is behind the end once an iteration has come there."""

    def __init__(self, begin: Position) -> None:
        self._begin = begin
        self._numbers = torch.zeros(4 + len(begin.cursors) * len(Cursor._fields), dtype=torch.int64)
        self._numbers.share_memory_()  # type: ignore[no-untyped-call]
        # This process has iterated from the place of this number to the end.
        self._finished = -1

    def write(self, epoch: int, position: Position, *, own: bool = False) -> None:
        cursors = [number for cursor in position.cursors for number in cursor]
        number = int(self._numbers[0]) + 1
        self._numbers[:] = torch.tensor([number, epoch, own, position.num_taken, *cursors])

    def read(self) -> Place:
        number, epoch, own, num_taken, *cursors = self._numbers.tolist()
        size = len(Cursor._fields)
        if number == self._finished:
            return Place(number, epoch, self._begin, own=False)
        found = tuple(Cursor(*cursors[at : at + size]) for at in range(0, len(cursors), size))
        return Place(number, epoch, Position(found, num_taken), bool(own))

    def finish(self, place: Place) -> None:
        """Says that an iteration has come to its end: the next one is of the whole epoch."""
        self._finished = place.number
