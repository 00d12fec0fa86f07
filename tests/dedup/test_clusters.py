import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.dedup.clusters import components, equal_pairs
from interleave.dedup.hamming import hamming_pairs

hashes = st.lists(st.integers(0, 2**64 - 1), max_size=4, unique=True)
flips = st.lists(st.lists(st.integers(0, 63), max_size=7), min_size=1, max_size=8)


def brute_force(values: list[int], distance: int) -> list[tuple[int, int]]:
    return [
        (i, j)
        for (i, one), (j, other) in itertools.combinations(enumerate(values), 2)
        if (one ^ other).bit_count() <= distance
    ]


@given(hashes, flips, st.integers(0, 7))
def test_pairs_within_a_hamming_distance_are_all_found_and_no_others(
    roots: list[int], changes: list[list[int]], distance: int
) -> None:
    # Neighbours of a few roots, so that many pairs lie just within the distance and just beyond it.
    values = [*roots]
    for root, bits in itertools.product(roots, changes):
        values.append(root ^ sum(1 << bit for bit in set(bits)))
    values = sorted(set(values))
    found = hamming_pairs(np.array(values, dtype=np.uint64), distance)
    assert [tuple(pair) for pair in found.tolist()] == brute_force(values, distance)


@pytest.mark.parametrize("distance", range(8))
def test_pairs_at_exactly_the_distance_are_found_wherever_their_bits_lie(distance: int) -> None:
    rng = np.random.default_rng(distance)
    for _ in range(200):
        bits = rng.choice(64, size=distance + 1, replace=False)
        near = sum(1 << int(bit) for bit in bits[:distance])
        far = near | 1 << int(bits[distance])
        values = np.array([0, near, far] if distance else [0, far], dtype=np.uint64)
        assert hamming_pairs(values, distance).tolist() == [
            list(pair) for pair in brute_force(values.tolist(), distance)
        ]


def test_a_cluster_is_named_by_its_smallest_member() -> None:
    pairs = np.array([[4, 2], [2, 5], [1, 3]])
    assert components(7, pairs).tolist() == [0, 1, 2, 1, 2, 2, 6]


def test_without_pairs_everyone_is_alone_and_without_items_there_is_nobody() -> None:
    none = np.empty((0, 2), dtype=np.int64)
    assert components(3, none).tolist() == [0, 1, 2]
    assert components(0, none).tolist() == []


@given(st.integers(1, 12), st.data())
def test_clusters_do_not_depend_on_the_order_of_pairs(num_items: int, data: st.DataObject) -> None:
    item = st.integers(0, num_items - 1)
    pairs = data.draw(st.lists(st.tuples(item, item), max_size=15))
    shuffled = [pair[::-1] for pair in data.draw(st.permutations(pairs))]
    labels = components(num_items, np.array(pairs, dtype=np.int64).reshape(-1, 2))
    assert components(num_items, np.array(shuffled, dtype=np.int64).reshape(-1, 2)).tolist() == labels.tolist()
    assert all(labels[one] == labels[other] for one, other in pairs)
    assert all(labels[label] == label for label in labels)
    assert len(set(labels.tolist())) >= num_items - len(pairs)


def test_equal_items_are_chained() -> None:
    assert equal_pairs(np.array([7, 3, 7, 7])).tolist() == [[0, 2], [2, 3]]
    assert equal_pairs(np.array([1, 2, 3])).tolist() == []
    assert equal_pairs(np.array([], dtype=np.int64)).shape == (0, 2)
