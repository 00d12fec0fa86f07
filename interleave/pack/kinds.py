"""What packing counts: items of the same size are one kind, and rows that hold the same kinds are one pattern.

A row of 4,096 tokens has room for at most 4,096 kinds, however many documents there are, so the work of packing does
not grow with the number of documents but with the number of different sizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

# (tokens, images) of an item.
Kind: TypeAlias = tuple[int, int]
Counts: TypeAlias = Mapping[Kind, int]
# It needs no room, and is counted with no kind.
NOTHING: Kind = (0, 0)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Rows that hold the same."""

    kinds: tuple[Kind, ...]
    # Of the items of one row.
    num_rows: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a row holds at most."""

    tokens: int
    images: int
    # 0 where images are not limited; all kinds have 0 images then.

    def share(self, kind: Kind) -> int:
        """What part of a row an item takes, in the measure where that is more; to compare with others."""
        return max(kind[0] * max(self.images, 1), kind[1] * self.tokens)

    def total_share(self, kind: Kind) -> int:
        """The same, both measures added."""
        return kind[0] * max(self.images, 1) + kind[1] * self.tokens


def most(kind: Kind, room: Kind) -> int:
    """How many items of a kind there is room for; the kind is not (0, 0)."""
    (tokens, images), (tokens_left, images_left) = kind, room
    if not tokens:
        return images_left // images
    return min(tokens_left // tokens, images_left // images) if images else tokens_left // tokens


def num_rows(patterns: Sequence[Pattern]) -> int:
    return sum(pattern.num_rows for pattern in patterns)


def least_rows(counts: Counts, limits: Limits) -> int:
    """Rows that any packing needs: the bound L2 of Martello and Toth (1990), of tokens or of images.

    Items larger than half a row stand in rows of their own. For a size k, those larger than C - k have no room for any
    of size k or more, so what the others leave must hold all items between k and half a row. Capacity 10, items
    [8 8 8 3 3 3 3], k = 3: the three large ones leave no room for a 3, so 12 tokens need two more rows, which makes 5;
    the sum of all would ask for 4.
    """
    numbers = np.array(list(counts.values()), dtype=np.int64)
    tokens, images = (np.array([kind[at] for kind in counts], dtype=np.int64) for at in (0, 1))
    return max(_least(tokens, numbers, limits.tokens), _least(images, numbers, limits.images))


def _least(sizes: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64], capacity: int) -> int:
    if capacity == 0 or not len(sizes):
        return 0
    order = np.argsort(sizes, kind="stable")
    sizes, numbers = sizes[order], numbers[order]
    count = np.concatenate([[0], np.cumsum(numbers)])
    total = np.concatenate([[0], np.cumsum(numbers * sizes)])
    half = np.searchsorted(sizes, capacity // 2, side="right")
    smallest = np.concatenate([[0], sizes[:half]])
    alone = np.searchsorted(sizes, capacity - smallest, side="right")
    room_left = (count[alone] - count[half]) * capacity - (total[alone] - total[half])
    rest = total[half] - total[np.searchsorted(sizes, smallest, side="left")]
    return int(np.max(count[-1] - count[half] + np.maximum(0, -(-(rest - room_left) // capacity))))
