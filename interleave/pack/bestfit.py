"""Packing samples into rows of a fixed length, so that little of a row is padding."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence


def pack(sizes: Sequence[int], capacity: int) -> list[list[int]]:
    """Best-fit decreasing: the largest item first, each into the fullest row that still has room for it.

    sizes: tokens of each item, at most `capacity`. Returns rows as lists of item positions, in a fixed order: rows by
    their first item, items of a row as given. With sizes [3, 5, 2, 4] and capacity 7:  [[0, 3], [1, 2]].

    Raises:
        ValueError: an item is larger than a row.
    """
    rows: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (room left, row), ascending
    for item in sorted(range(len(sizes)), key=lambda item: (-sizes[item], item)):
        if sizes[item] > capacity:
            raise ValueError(f"item {item} has {sizes[item]} tokens, a row holds {capacity}")
        at = bisect_left(room, (sizes[item], -1))
        if at == len(room):
            rows.append([item])
            insort(room, (capacity - sizes[item], len(rows) - 1))
            continue
        left, row = room.pop(at)
        rows[row].append(item)
        insort(room, (left - sizes[item], row))
    return sorted(sorted(row) for row in rows)
