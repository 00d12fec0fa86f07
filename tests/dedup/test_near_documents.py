import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.dedup import near_documents
from interleave.dedup.near_documents import SharedBands, shared_bands
from interleave.dedup.scratch import Scratch
from interleave.dedup.tables import BANDS
from interleave.dedup.text_fingerprints import jaccard


def bands_of(rows: Sequence[Sequence[int]]) -> SharedBands:
    """Each row the keys of the first bands; the others are of no two alike."""

    def read(name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        band = BANDS.index(name)
        keys = [row[band] if band < len(row) else 1000 * band + number + 100 for number, row in enumerate(rows)]
        yield np.array(keys, dtype=np.uint64), np.arange(len(rows))

    return shared_bands(read, Scratch(folder=Path("nowhere")))


def buckets_of(shared: SharedBands) -> dict[int, set[int]]:
    return {
        int(item): set(shared.buckets[shared.offsets[place] : shared.offsets[place + 1]].tolist())
        for place, item in enumerate(shared.items)
    }


def follow(
    sets: Sequence[set[int]], near: float, rows: Sequence[Sequence[int]] | None = None, num_earlier: int = 0
) -> dict[int, tuple[int, float]]:
    """Who goes -> (its leader, their similarity), for sets that all have a band in common unless `rows` says else."""
    shared = bands_of(rows or [[1]] * len(sets))
    items = shared.items
    arrays = [np.array(sorted(sets[item]), dtype=np.uint32) for item in items]
    sizes = np.array(list(map(len, arrays)), dtype=np.int64)
    gone, keepers, similarities = near_documents._follow_leaders(
        shared, items < num_earlier, sizes, lambda place: arrays[place], near
    )
    return {
        int(items[one]): (int(items[keeper]), similarity)
        for one, keeper, similarity in zip(gone, keepers, similarities.tolist(), strict=True)
    }


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), max_size=8))
def test_items_are_in_one_bucket_where_a_band_of_theirs_is_the_same(rows: list[list[int]]) -> None:
    buckets = buckets_of(bands_of(rows))
    for one in range(len(rows)):
        for other in range(one):
            in_common = sum(mine == its for mine, its in zip(rows[one], rows[other], strict=True))
            assert len(buckets.get(one, set()) & buckets.get(other, set())) == in_common
    assert sorted(buckets) == [
        one
        for one in range(len(rows))
        if any(rows[one][band] == rows[other][band] for other in range(len(rows)) if other != one for band in range(3))
    ]


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=12), st.randoms())
def test_ordered_in_pieces_each_item_keeps_its_buckets(rows: list[list[int]], draw: random.Random) -> None:
    shared = bands_of(rows)
    order = np.array(draw.sample(range(len(shared.items)), len(shared.items)), dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_documents, "_AT_ONCE", 2 * len(BANDS))  # pieces of two items
        ordered = shared.ordered(order)
    assert ordered.items.tolist() == shared.items[order].tolist()
    assert buckets_of(ordered) == buckets_of(shared)


def test_what_is_near_to_a_leader_goes_and_what_went_leads_nobody() -> None:
    sets = [set(range(start, start + 10)) for start in range(4)]  # neighbours share 9 of 11
    assert follow(sets, 0.8) == {1: (0, 9 / 11), 3: (2, 9 / 11)}
    assert follow(sets, 9 / 11) == {1: (0, 9 / 11), 3: (2, 9 / 11)}
    assert follow(sets, 0.83) == {}
    assert follow(sets, 0.6) == {1: (0, 9 / 11), 2: (0, 8 / 12)}


def test_only_those_with_a_band_in_common_are_compared() -> None:
    sets = [{1, 2, 3}] * 3
    assert follow(sets, 0.5, [[1, 1], [2, 2], [3, 2]]) == {2: (1, 1.0)}


def test_what_is_earlier_stays_though_it_is_near() -> None:
    assert follow([{1, 2}, {1, 2}, {1, 2}], 0.5, num_earlier=2) == {2: (0, 1.0)}


@given(st.lists(st.sets(st.integers(0, 9), min_size=1), min_size=1, max_size=8), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_everything_that_goes_is_near_to_a_keeper_that_stays_and_no_two_that_stay_are_near(
    sets: list[set[int]], near: float
) -> None:
    gone = follow(sets, near)
    for item, (keeper, similarity) in gone.items():
        assert keeper < item and keeper not in gone
        assert similarity == len(sets[item] & sets[keeper]) / len(sets[item] | sets[keeper]) >= near
    left = [item for item in range(len(sets)) if item not in gone]
    for one in left:
        for other in left:
            assert one == other or len(sets[one] & sets[other]) / len(sets[one] | sets[other]) < near


def test_copies_are_compared_once_each_and_pages_of_one_template_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    monkeypatch.setattr(near_documents, "jaccard", lambda one, other: calls.append(1) or jaccard(one, other))
    assert len(follow([set(range(20))] * 300, 0.8)) == 299
    assert len(calls) == 299
    calls.clear()
    template = set(range(100))
    pages = [template | set(range(1000 * page, 1000 * page + 40)) for page in range(1, 301)]
    assert follow(pages, 0.8) == {}
    assert len(calls) <= 300 * near_documents.MAX_COMPARISONS
