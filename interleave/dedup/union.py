"""Connected components of more pairs than memory holds: each batch of them joins what is known of all before.

A tree for each component, whose root is its smallest item:

    pairs (3, 5) (0, 2)      parents of 0 .. 5: 0 1 0 3 4 3
    pairs (2, 5)             3, the root of 5, gets the root of 2: 0 1 0 0 4 3
"""

from __future__ import annotations

import numpy as np

from interleave.dedup.clusters import Ints, components
from interleave.dedup.scratch import Scratch

_AT_ONCE = 1 << 18


class Union:
    """Components of items 0, 1, 2 ..., eight bytes each."""

    def __init__(self, num_items: int, scratch: Scratch) -> None:
        self._parents: Ints = scratch.empty(num_items, np.int64)
        for start in range(0, num_items, _AT_ONCE):
            end = min(start + _AT_ONCE, num_items)
            self._parents[start:end] = np.arange(start, end)

    def join(self, one: Ints, other: Ints) -> None:
        """Joins the components of items of `one` with those of the items beside them in `other`."""
        for start in range(0, len(one), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            pairs = np.stack([self.roots(one[some]), self.roots(other[some])], axis=1)
            pairs = pairs[pairs[:, 0] != pairs[:, 1]]
            nodes, places = np.unique(pairs, return_inverse=True)
            # The smallest place of a component is that of its smallest item.
            self._parents[nodes] = nodes[components(len(nodes), places.reshape(-1, 2))]

    def roots(self, items: Ints) -> Ints:
        """(num_items,) the smallest item of each one's component."""
        found = self._parents[items]
        while True:
            above = self._parents[found]
            if (above == found).all():
                break
            found = above
        self._parents[items] = found
        return found
