"""Rows of several datasets in one sequence, in the proportions that were asked for.

The next row is of the dataset that has been given least of its share. For weights 2 : 1 and rows of equal size:
A B A A B A A B A ... So no dataset is ever further from its share than about one row of each, over any stretch.

A dataset may be repeated: its next turn is another order of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from interleave.stream.rows import PlannedRow

By = Literal["tokens", "samples"]
Until = Literal["first", "all"]


@dataclass(frozen=True, slots=True)
class Part:
    """A dataset in a mixture."""

    folder: str | Path
    # A sealed dataset, or its URL.
    weight: float = 1.0
    # Its share of the mixture is this over the sum of all weights.
    max_epochs: int | None = 1
    # How often it is used in one epoch of the mixture at most; None: again and again.


class Turn(Protocol):
    """A dataset used once, as rows in windows (`RowPlan`)."""

    @property
    def num_windows(self) -> int: ...

    def rows(self, window: int) -> list[PlannedRow]: ...


class Cursor(NamedTuple):
    """How far an epoch of the mixture has come in one dataset."""

    turn: int = 0
    window: int = 0
    row: int = 0
    # The next row: in this turn, in this window.
    given: int = 0
    # Tokens or samples that were given.


class Mixture:
    """The rows of an epoch.

    plans: for each dataset the plan of a turn of it.
    until: "first" ends where a dataset is due that is used up, so proportions hold throughout; "all" goes on with the
        others until each that may end has ended.
    """

    def __init__(
        self,
        plans: Sequence[Callable[[int], Turn]],
        *,
        weights: Sequence[float],
        max_epochs: Sequence[int | None],
        by: By,
        until: Until,
    ) -> None:
        self._plans = plans
        self._max_epochs = max_epochs
        self._by = by
        self._until = until
        self._prices = _prices(weights)

    def rows(self, cursors: Sequence[Cursor]) -> Iterator[tuple[PlannedRow, tuple[Cursor, ...]]]:
        """The rows from a place on, each with the place behind it."""
        sources = [_Source(*source) for source in zip(self._plans, self._max_epochs, cursors, strict=True)]
        going = list(range(len(sources)))
        while going and (self._until == "first" or self._may_end(going)):
            due = min(going, key=lambda number: (sources[number].given * self._prices[number], number))
            row = sources[due].next()
            if row is not None:
                sources[due].given += row.num_tokens if self._by == "tokens" else len(row.items)
                yield row, tuple(source.cursor() for source in sources)
            elif self._until == "first":
                return
            else:
                going.remove(due)

    def _may_end(self, going: Sequence[int]) -> bool:
        """Whether one of these has an end; where none had one from the start, none is waited for."""
        ends = [number for number in going if self._max_epochs[number] is not None]
        return bool(ends) or all(epochs is None for epochs in self._max_epochs)


class _Source:
    """The rows of one dataset from a place on, turn by turn, packed window by window."""

    def __init__(self, plan_of: Callable[[int], Turn], max_turns: int | None, cursor: Cursor) -> None:
        self._plan_of = plan_of
        self._max_turns = max_turns
        self._turn, self._window, skipped, self.given = cursor
        self._rows: deque[PlannedRow] = deque()
        self._plan: Turn | None = None
        for _ in range(skipped):
            self.next()

    def next(self) -> PlannedRow | None:
        while not self._rows:
            if self._max_turns is not None and self._turn >= self._max_turns:
                return None
            self._plan = self._plan or self._plan_of(self._turn)
            if self._window < self._plan.num_windows:
                self._rows.extend(self._plan.rows(self._window))
                self._window += 1
            else:
                self._turn, self._window, self._plan = self._turn + 1, 0, None
        return self._rows.popleft()

    def cursor(self) -> Cursor:
        if self._rows:
            return Cursor(self._turn, self._rows[0].window, self._rows[0].row, self.given)
        return Cursor(self._turn, self._window, 0, self.given)


def _prices(weights: Sequence[float]) -> list[int]:
    """Integers in the inverse proportion of weights, so that shares are compared without rounding: 2, 1 -> 1, 2."""
    shares = [Fraction(str(weight)) for weight in weights]
    whole = lcm(*(share.numerator for share in shares))
    return [whole // share.numerator * share.denominator for share in shares]
