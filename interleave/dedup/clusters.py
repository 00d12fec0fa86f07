"""Groups of things that are alike: pairs of items, then connected components.

Nothing here depends on the order of the items: a cluster is a set, and each is named by its smallest member.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

# Rows of a group that are compared with each other at once: bounds memory where many items share a block.
_CHUNK = 2048


def components(num_items: int, pairs: Ints) -> Ints:
    """(num_items,) label of each item's cluster: the smallest index in it.

    pairs: (num_pairs, 2) indices of items that are alike.
    """
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


def hamming_pairs(hashes: Hashes, distance: int) -> Ints:
    """(num_pairs, 2) indices i < j of hashes that differ in at most `distance` bits; recall 1.

    Two such hashes agree wholly in one of `distance + 1` blocks of bits, so only those that share a block are compared.
    Give each hash once: equal ones are found faster by `equal_pairs`.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    for shift, width in _blocks(distance + 1):
        block = (hashes >> np.uint64(shift)) & np.uint64((1 << width) - 1)
        for members in groups(block):
            found.extend(_close(members, hashes, distance))
    return np.unique(np.concatenate(found), axis=0)


def groups(keys: npt.NDArray[np.generic]) -> Iterator[Ints]:
    """The index arrays, ascending, of items with equal keys; items that are alone are left out."""
    order = np.argsort(keys, kind="stable")
    borders = np.flatnonzero(keys[order][1:] != keys[order][:-1]) + 1
    starts = np.concatenate([[0], borders])
    ends = np.concatenate([borders, [len(order)]])
    shared = np.flatnonzero(ends - starts > 1)
    for start, end in zip(starts[shared], ends[shared], strict=True):
        yield order[start:end].astype(np.int64)


def _close(members: Ints, hashes: Hashes, distance: int) -> Iterator[Ints]:
    values = hashes[members]
    for start in range(0, len(members), _CHUNK):
        rows = slice(start, start + _CHUNK)
        differing = np.bitwise_count(values[rows, None] ^ values[None, :])
        first, second = np.nonzero(differing <= distance)
        ordered = first + start < second
        yield np.stack([members[first[ordered] + start], members[second[ordered]]], axis=1)


def _blocks(num_blocks: int) -> Iterator[tuple[int, int]]:
    """(shift, width) of `num_blocks` nearly equal blocks of 64 bits."""
    borders = [round(64 * block / num_blocks) for block in range(num_blocks + 1)]
    for low, high in itertools.pairwise(borders):
        yield low, high - low
