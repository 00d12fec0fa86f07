"""Groups of things that are alike: pairs of items, then connected components.

Nothing here depends on the order of the items: a cluster is a set, and each is named by its smallest member.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


def components(num_items: int, pairs: Ints) -> Ints:
    """(num_items,) label of each item's cluster: the smallest index in it.

    pairs: (num_pairs, 2) indices of items that are alike.
    """
    # A quarter of a second, in every process that only passes through here.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(pairs), dtype=np.int8)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(num_items, num_items))
    _, labels = connected_components(graph, directed=False)
    smallest = np.full(labels.max(initial=-1) + 1, num_items, dtype=np.int64)
    np.minimum.at(smallest, labels, np.arange(num_items))
    return smallest[labels] if num_items else np.empty(0, dtype=np.int64)


def equal_pairs(keys: npt.NDArray[np.generic]) -> Ints:
    """(num_pairs, 2): each item with the next one that has the same key, which is enough to connect them.

    For [7, 3, 7, 7] the pairs are (0, 2) and (2, 3).
    """
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    return np.stack([order[same], order[same + 1]], axis=1).astype(np.int64)
