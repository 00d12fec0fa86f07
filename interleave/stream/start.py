"""Where iterations begin, in memory shared with DataLoader workers: those that persist hear of a new epoch, too."""

from __future__ import annotations

from typing import NamedTuple

import torch

from interleave.stream.batches import Position
from interleave.stream.mix import Cursor


class Place(NamedTuple):
    """Where the next iteration begins."""

    number: float
    # Of this place: each one that was set has another, a worker's own one in between.
    epoch: int
    position: Position
    first: int | None
    # Batches of other workers that come before this one's next; None: as many as workers that come before it.


class Start:
    """A place that may be set from outside, and is behind the end once an iteration has come there."""

    def __init__(self, begin: Position) -> None:
        self._begin = begin
        self._numbers = torch.zeros(3 + len(begin.cursors) * len(Cursor._fields), dtype=torch.int64)
        self._numbers.share_memory_()  # type: ignore[no-untyped-call]
        # This process has iterated from the place of this number to the end.
        self._finished: float = -1
        # A worker's own, until another is set for all.
        self._own: Place | None = None

    def write(self, epoch: int, position: Position) -> None:
        """Sets it for this process and its workers."""
        cursors = [number for cursor in position.cursors for number in cursor]
        number = int(self._numbers[0]) + 1
        self._numbers[:] = torch.tensor([number, epoch, position.num_taken, *cursors])

    def write_own(self, epoch: int, position: Position, first: int) -> None:
        """Sets it for this worker alone, until it is set for all."""
        shared = int(self._numbers[0])
        before = shared if self._own is None else max(shared, self._own.number)
        self._own = Place((before + shared + 1) / 2, epoch, position, first)

    def read(self) -> Place:
        number, epoch, num_taken, *cursors = self._numbers.tolist()
        size = len(Cursor._fields)
        found = tuple(Cursor(*cursors[at : at + size]) for at in range(0, len(cursors), size))
        place = Place(number, epoch, Position(found, num_taken), None)
        if self._own is not None and self._own.number > number:
            place = self._own
        return place._replace(position=self._begin, first=None) if place.number == self._finished else place

    def finish(self, place: Place) -> None:
        """Says that an iteration has come to its end: the next one is of the whole epoch."""
        self._finished = place.number
