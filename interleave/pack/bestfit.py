"""Best-fit decreasing: the largest item first, each into the fullest row that still has room for it.

It needs at most 11/9 of the fewest possible rows, plus 6/9 (Dosa 2007). Items of one kind are placed together: where
the first one of them goes, as many follow as there is room for.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TypeAlias

from interleave.pack.kinds import Counts, Kind, Limits, Pattern, most

# What a row holds: (what it held before, a kind, how many of it were put in then).
_Held: TypeAlias = "tuple[_Held, Kind, int] | None"


def best_fit(counts: Counts, limits: Limits) -> list[Pattern]:
    """Rows of all items, none above its limits. With sizes [3 5 2 4] and a capacity of 7:  [5 2] [4 3]."""
    rows = _Rows(limits)
    for kind in sorted(counts, key=lambda kind: (limits.share(kind), kind), reverse=True):
        left = counts[kind]
        while left:
            left -= rows.put(kind, left)
    return rows.patterns()


class _Rows:
    """Rows by what they have left: those with as much left are interchangeable."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # (tokens left, images left) -> what rows hold, and how many rows hold just that
        self._groups: dict[Kind, list[tuple[_Held, int]]] = {}
        # images left -> tokens left, ascending
        self._tokens_left: dict[int, list[int]] = {}

    def put(self, kind: Kind, number: int) -> int:
        """Puts as many of `number` items as fit where the first one fits best; how many those are."""
        tokens, images = kind
        room = self._best_room(tokens, images)
        held, num_rows = self._pop(room) if room else (None, number)
        tokens_left, images_left = room or (self._limits.tokens, self._limits.images)
        each = min(number, most(kind, (tokens_left, images_left)))
        used = min(num_rows, number // each)
        if room and used < num_rows:
            self._push(room, held, num_rows - used)
        self._push((tokens_left - each * tokens, images_left - each * images), (held, kind, each), used)
        return used * each

    def patterns(self) -> list[Pattern]:
        return [
            Pattern(_kinds(held), num_rows) for room in sorted(self._groups) for held, num_rows in self._groups[room]
        ]

    def _best_room(self, tokens: int, images: int) -> Kind | None:
        """The room of the fullest rows that have enough."""
        found = []
        for images_left, tokens_left in self._tokens_left.items():
            at = bisect_left(tokens_left, tokens)
            if images_left >= images and at < len(tokens_left):
                found.append((tokens_left[at], images_left))
        return min(found, default=None)

    def _push(self, room: Kind, held: _Held, num_rows: int) -> None:
        if room not in self._groups:
            self._groups[room] = []
            insort(self._tokens_left.setdefault(room[1], []), room[0])
        self._groups[room].append((held, num_rows))

    def _pop(self, room: Kind) -> tuple[_Held, int]:
        groups = self._groups[room]
        popped = groups.pop()
        if not groups:
            del self._groups[room]
            tokens_left = self._tokens_left[room[1]]
            del tokens_left[bisect_left(tokens_left, room[0])]
        return popped


def _kinds(held: _Held) -> tuple[Kind, ...]:
    kinds: list[Kind] = []
    while held:
        held, kind, number = held
        kinds += [kind] * number
    return tuple(kinds)
