"""Leaders in rounds are the leaders that visiting one by one gives."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.dedup import leaders as module
from interleave.dedup.leaders import leaders

Ints = npt.NDArray[np.int64]


def one_by_one(num_items: int, pairs: list[tuple[int, int]], order: list[int]) -> list[int]:
    alike: list[set[int]] = [set() for _ in range(num_items)]
    for one, other in pairs:
        alike[one].add(other)
        alike[other].add(one)
    leader = [-1] * num_items
    for item in order:
        if leader[item] >= 0:
            continue
        leader[item] = item
        for other in alike[item]:
            if leader[other] < 0:
                leader[other] = item
    return leader


def array(pairs: list[tuple[int, int]]) -> Ints:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


@st.composite
def items(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], list[int]]:
    num_items = draw(st.integers(1, 30))
    item = st.integers(0, num_items - 1)
    pairs = draw(st.lists(st.tuples(item, item), max_size=60))
    return num_items, pairs, draw(st.permutations(range(num_items)))


@given(items())
def test_leaders_are_those_of_visiting_items_one_by_one(
    drawn: tuple[int, list[tuple[int, int]], list[int]],
) -> None:
    num_items, pairs, order = drawn
    assert leaders(num_items, array(pairs), np.array(order)).tolist() == one_by_one(num_items, pairs, order)


@pytest.mark.parametrize("worth_a_round", [0.0, 2.0])
@given(items())
def test_rounds_alone_and_visits_alone_find_the_same(
    worth_a_round: float, drawn: tuple[int, list[tuple[int, int]], list[int]]
) -> None:
    num_items, pairs, order = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_WORTH_A_ROUND", worth_a_round)
        assert leaders(num_items, array(pairs), np.array(order)).tolist() == one_by_one(num_items, pairs, order)


@pytest.mark.parametrize("worth_a_round", [0.0, 0.2, 2.0])
@pytest.mark.parametrize("num_pairs", [300, 3_000, 30_000])
def test_thousands_of_items_have_the_same_leaders(
    num_pairs: int, worth_a_round: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WORTH_A_ROUND", worth_a_round)
    rng = np.random.default_rng(num_pairs)
    pairs, order = rng.integers(0, 3_000, (num_pairs, 2)), rng.permutation(3_000)
    expected = one_by_one(3_000, [(one, other) for one, other in pairs.tolist()], order.tolist())
    assert leaders(3_000, pairs, order).tolist() == expected


@given(items(), st.data())
def test_the_order_of_pairs_does_not_matter(
    drawn: tuple[int, list[tuple[int, int]], list[int]], data: st.DataObject
) -> None:
    num_items, pairs, order = drawn
    shuffled = [pair[::-1] for pair in data.draw(st.permutations([*pairs, *pairs]))]
    expected = leaders(num_items, array(pairs), np.array(order)).tolist()
    assert leaders(num_items, array(shuffled), np.array(order)).tolist() == expected


@given(items())
def test_everybody_is_a_pair_with_their_leader_and_leaders_are_no_pairs(
    drawn: tuple[int, list[tuple[int, int]], list[int]],
) -> None:
    num_items, pairs, order = drawn
    leader = leaders(num_items, array(pairs), np.array(order)).tolist()
    alike = {frozenset(pair) for pair in pairs}
    leading = {item for item in range(num_items) if leader[item] == item}
    assert all(item in leading or {item, leader[item]} in alike for item in range(num_items))
    assert all(len(pair) == 1 or not pair <= leading for pair in alike)


def test_a_chain_is_not_one_cluster() -> None:
    pairs = np.array([[0, 1], [1, 2], [2, 3]])
    assert leaders(4, pairs, np.arange(4)).tolist() == [0, 0, 2, 2]
    assert leaders(4, pairs, np.array([1, 0, 2, 3])).tolist() == [1, 1, 1, 3]


def test_of_two_leaders_the_preferred_one_takes() -> None:
    pairs = np.array([[0, 2], [1, 2]])
    assert leaders(3, pairs, np.array([1, 0, 2])).tolist() == [0, 1, 1]
    assert leaders(3, pairs, np.array([0, 1, 2])).tolist() == [0, 1, 0]


def test_without_pairs_everybody_leads() -> None:
    nothing = np.empty((0, 2), dtype=np.int64)
    assert leaders(3, nothing, np.array([2, 0, 1])).tolist() == [0, 1, 2]
    assert leaders(0, nothing, np.empty(0, dtype=np.int64)).tolist() == []


def test_a_long_chain_does_not_take_a_round_for_every_link() -> None:
    num_items = 200_000
    pairs = np.stack([np.arange(num_items - 1), np.arange(1, num_items)], axis=1)
    began = time.process_time()
    leader = leaders(num_items, pairs, np.arange(num_items))
    assert (leader == np.arange(num_items) // 2 * 2).all()
    assert time.process_time() - began < 10  # seconds; rounds would take minutes
