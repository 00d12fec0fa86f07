"""The order of an epoch is a permutation, for any number of items, and another one each epoch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.stream.order import NUM_MIXED, Order

SEEDS = st.integers(0, 2**63 - 1)


def order(num_items: int, *, seed: int = 0, epoch: int = 0, dataset: str = "d", shuffle: bool = True) -> list[int]:
    made = Order(num_items, dataset=dataset, seed=seed, epoch=epoch, shuffle=shuffle)
    return made.at(0, num_items).tolist()


@given(st.integers(0, 3000), SEEDS, st.integers(0, 1000))
def test_every_item_comes_once(num_items: int, seed: int, epoch: int) -> None:
    assert sorted(order(num_items, seed=seed, epoch=epoch)) == list(range(num_items))


@pytest.mark.parametrize("num_items", [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 4095, 4096, 4097])
def test_sizes_around_powers_of_two_lose_nothing(num_items: int) -> None:
    assert sorted(order(num_items)) == list(range(num_items))


@given(st.integers(50, 2000), SEEDS)
def test_epochs_seeds_and_datasets_differ(num_items: int, seed: int) -> None:
    first = order(num_items, seed=seed)
    assert first != order(num_items, seed=seed, epoch=1)
    assert first != order(num_items, seed=(seed + 1) % 2**63)
    assert first != order(num_items, seed=seed, dataset="e")
    assert first == order(num_items, seed=seed)


@given(st.integers(1, 500), st.data())
def test_a_slice_of_the_order_is_what_the_whole_has_there(num_items: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, num_items))
    stop = data.draw(st.integers(start, num_items + 10))
    made = Order(num_items, dataset="d", seed=1, epoch=2)
    assert made.at(start, stop).tolist() == order(num_items, seed=1, epoch=2)[start:stop]


def test_without_shuffling_items_come_as_they_are_stored() -> None:
    assert order(7, shuffle=False) == list(range(7))


def test_neighbours_are_torn_apart_and_no_place_is_favoured() -> None:
    num_items, num_epochs = 64, 400
    places = np.array([np.argsort(order(num_items, epoch=epoch)) for epoch in range(num_epochs)])
    # The mean place of an item over many epochs is near the middle: its standard error is 0.9 here.
    assert np.abs(places.mean(axis=0) - (num_items - 1) / 2).max() < 5
    adjacent = np.mean([np.mean(np.diff(order(num_items, epoch=epoch)) == 1) for epoch in range(num_epochs)])
    assert adjacent < 0.04


# In blocks


@given(st.integers(0, 3000), st.integers(1, 200), SEEDS)
def test_in_blocks_every_item_comes_once_and_a_slice_is_what_the_whole_has_there(
    num_items: int, block_size: int, seed: int
) -> None:
    made = Order(num_items, dataset="d", seed=seed, epoch=0, block_size=block_size)
    whole = made.at(0, num_items).tolist()
    assert sorted(whole) == list(range(num_items))
    assert made.at(num_items // 3, num_items // 2).tolist() == whole[num_items // 3 : num_items // 2]


def test_in_blocks_what_comes_at_one_time_lies_in_few_places() -> None:
    made = Order(100_000, dataset="d", seed=0, epoch=0, block_size=100)
    near = made.at(16 * 100, 32 * 100)
    assert len(set((near // 100).tolist())) == NUM_MIXED
    assert not np.array_equal(np.sort(near), near)
    other = Order(100_000, dataset="d", seed=0, epoch=1, block_size=100).at(16 * 100, 32 * 100)
    assert set((near // 100).tolist()) != set((other // 100).tolist())
    # Neighbours of a block are torn apart within what is mixed.
    assert np.mean(np.abs(np.diff(near)) == 1) < 0.02


def test_a_billion_items_need_no_memory() -> None:
    found = Order(10**9, dataset="d", seed=0, epoch=0).at(10**9 - 1000, 10**9)
    assert len(set(found.tolist())) == 1000 and found.min() >= 0 and found.max() < 10**9
