import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interleave.dedup.documents import ROWS_PER_BAND, document_clusters
from interleave.dedup.fingerprints import NUM_PERMUTATIONS


def digests(*values: int) -> np.ndarray:
    return np.frombuffer(b"".join(value.to_bytes(16, "big") for value in values), dtype=np.dtype((np.void, 16)))


def signature(differing: int, start: int = 0) -> np.ndarray:
    """A signature that differs from `signature(0)` at `differing` places from `start` on."""
    values = np.arange(1, NUM_PERMUTATIONS + 1, dtype=np.uint32)
    values[start : start + differing] += 1000
    return values


def test_near_is_a_share_of_agreeing_places_from_which_documents_are_one() -> None:
    signatures = np.stack([signature(0), signature(32), signature(33)])
    equal, near = document_clusters(digests(1, 2, 3), signatures, 0.75)  # 96 of 128
    assert equal.tolist() == [0, 1, 2]
    assert near.tolist() == [0, 0, 0]  # 2 is near to 1: 127 of 128
    _, near = document_clusters(digests(1, 3), signatures[[0, 2]], 0.75)
    assert near.tolist() == [0, 1]


def test_documents_that_share_one_band_anywhere_are_compared() -> None:
    for band in range(NUM_PERMUTATIONS // ROWS_PER_BAND):
        other = signature(NUM_PERMUTATIONS)
        rows = slice(band * ROWS_PER_BAND, (band + 1) * ROWS_PER_BAND)
        other[rows] = signature(0)[rows]
        _, near = document_clusters(digests(1, 2), np.stack([signature(0), other]), 0.01)
        assert near.tolist() == [0, 0]


def test_equal_texts_are_one_without_near_ones() -> None:
    signatures = np.stack([signature(0), signature(1), signature(0)])
    equal, near = document_clusters(digests(5, 6, 5), signatures, None)
    assert equal.tolist() == near.tolist() == [0, 1, 0]


def test_texts_without_words_are_alone() -> None:
    signatures = np.zeros((3, NUM_PERMUTATIONS), dtype=np.uint32)
    for wanted in (None, 0.5):
        equal, near = document_clusters(digests(7, 7, 7), signatures, wanted)
        assert equal.tolist() == near.tolist() == [0, 1, 2]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 67)), min_size=1, max_size=8), st.sampled_from([0.5, 0.8]))
def test_clusters_are_those_of_all_pairs_that_agree_and_share_a_band(
    changes: list[tuple[int, int]], near: float
) -> None:
    signatures = np.stack([signature(differing, start) for differing, start in changes])
    _, labels = document_clusters(digests(*range(len(changes))), signatures, near)
    expected = list(range(len(changes)))
    for one in range(len(changes)):
        for other in range(one):
            agree = signatures[one] == signatures[other]
            shares_band = agree.reshape(-1, ROWS_PER_BAND).all(axis=1).any()
            if shares_band and agree.mean() >= near:
                low, high = sorted((expected[one], expected[other]))
                expected = [low if label == high else label for label in expected]
    assert labels.tolist() == expected


def test_a_text_that_many_pages_share_costs_no_memory_for_each_pair_of_them() -> None:
    signatures = np.tile(signature(0), (300, 1))
    tracemalloc.start()
    try:
        _, near = document_clusters(digests(*([5] * 300)), signatures, 0.8)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert set(near.tolist()) == {0}
    assert peak < 5_000_000  # the signatures are 0.15 MB; 45,000 pairs in each of 16 bands would be 12 MB and more
