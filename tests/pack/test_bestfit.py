"""Packing: nothing lost, nothing doubled, no row too long, and few rows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.pack.bestfit import pack

CAPACITY = 50
SIZES = st.lists(st.integers(0, CAPACITY), max_size=80)


@given(SIZES)
def test_every_item_is_in_one_row_once(sizes: list[int]) -> None:
    assert sorted(itertools.chain(*pack(sizes, CAPACITY))) == list(range(len(sizes)))


@given(SIZES)
def test_no_row_is_longer_than_its_capacity_and_none_is_empty(sizes: list[int]) -> None:
    for row in pack(sizes, CAPACITY):
        assert row and sum(sizes[item] for item in row) <= CAPACITY


@given(st.lists(st.integers(1, 12), min_size=1, max_size=7))
def test_rows_are_at_most_as_many_as_best_fit_decreasing_promises(sizes: list[int]) -> None:
    """11/9 of the fewest possible, plus 6/9 (Dosa 2007)."""
    assert len(pack(sizes, 12)) <= 11 / 9 * fewest_rows(sizes, 12) + 6 / 9


@given(SIZES)
def test_two_rows_never_fit_into_one(sizes: list[int]) -> None:
    loads = sorted(sum(sizes[item] for item in row) for row in pack(sizes, CAPACITY))
    assert len(loads) < 2 or loads[0] + loads[1] > CAPACITY or loads[0] == 0


@given(SIZES)
def test_rows_come_in_the_order_of_their_first_item(sizes: list[int]) -> None:
    rows = pack(sizes, CAPACITY)
    assert rows == sorted(rows) and all(row == sorted(row) for row in rows)


def test_the_example_of_the_docstring() -> None:
    assert pack([3, 5, 2, 4], 7) == [[0, 3], [1, 2]]


def test_an_item_goes_to_the_fullest_row_that_has_room() -> None:
    assert pack([6, 5, 4, 3], 10) == [[0, 2], [1, 3]]


def test_an_item_larger_than_a_row_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="item 1 has 8 tokens, a row holds 7"):
        pack([3, 8], 7)


def fewest_rows(sizes: list[int], capacity: int) -> int:
    """By trying every way to fill rows."""
    if not sizes:
        return 0
    first, rest = sizes[0], sizes[1:]
    best = len(sizes)
    for mask in range(1 << len(rest)):
        taken = [size for at, size in enumerate(rest) if mask >> at & 1]
        if first + sum(taken) <= capacity:
            left = [size for at, size in enumerate(rest) if not mask >> at & 1]
            best = min(best, 1 + fewest_rows(left, capacity))
    return best
