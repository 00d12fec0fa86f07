"""Clusters that do not chain unlike things together: every member is a pair with its leader.

Items are visited in an order of preference. One that nobody took leads, and takes all that are a pair with it and that
nobody took. In the order a, b, c, d:

    pairs a-b, b-c, c-d      a leads and takes b; c leads, for it is no pair with a, and takes d

As connected components all four would be one cluster, though a and d may have nothing in common.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from interleave.dedup.clusters import Ints

# Rounds go on as long as each settles this share of the pairs: then all together cost a few rounds at most.
_WORTH_A_ROUND = 0.2


def leaders(num_items: int, pairs: Ints, order: Ints) -> Ints:
    """(num_items,) the leader of each item; itself if it leads.

    pairs: (num_pairs, 2) items that are alike, in any order; order: (num_items,) every item, the most preferred first.
    """
    rank = np.empty(num_items, dtype=np.int64)
    rank[order] = np.arange(num_items)
    one, other = rank[pairs[:, 0]], rank[pairs[:, 1]]
    earlier, later = np.minimum(one, other), np.maximum(one, other)
    leads = _leading(num_items, earlier, later)
    # A leader comes before all that it takes, and of several the first one took.
    leader = np.arange(num_items)
    takes = leads[earlier]
    np.minimum.at(leader, later[takes], earlier[takes])
    return np.asarray(order, dtype=np.int64)[leader][rank]


def _leading(num_items: int, earlier: Ints, later: Ints) -> npt.NDArray[np.bool_]:
    """(num_items,) who leads. Items are ranks here, and pairs an earlier with a later one.

    Whoever has no earlier one left to wait for leads, so a whole round of leaders is found at once.
    """
    taken, waits = np.zeros(num_items, dtype=np.bool_), np.zeros(num_items, dtype=np.bool_)
    earlier, later = _only(earlier < later, earlier, later)
    while len(later):
        waits[later] = True
        found = ~waits[earlier]
        waits[later] = False
        taken[later[found]] = True
        num_before = len(later)
        earlier, later = _only(~(taken[earlier] | taken[later]), earlier, later)
        if num_before - len(later) < _WORTH_A_ROUND * num_before:
            _visit_in_order(earlier, later, taken)
            break
    return ~taken


def _only(kept: npt.NDArray[np.bool_], earlier: Ints, later: Ints) -> tuple[Ints, Ints]:
    return earlier[kept], later[kept]


def _visit_in_order(earlier: Ints, later: Ints, taken: npt.NDArray[np.bool_]) -> None:
    """The same one by one: long chains, each link of which waits for the one before it."""
    order = np.argsort(earlier, kind="stable")
    later = later[order]
    items, starts = np.unique(earlier[order], return_index=True)
    borders = pairwise([*starts.tolist(), len(later)])
    for item, (start, end) in zip(items.tolist(), borders, strict=True):
        if not taken[item]:
            taken[later[start:end]] = True
