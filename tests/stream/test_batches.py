"""Rows become batches, and batches go to ranks: nothing lost, nothing doubled, as many for each rank."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st
from test_mix import mixture, start

from interleave.stream.batches import Batching, Position, batches, rounds
from interleave.stream.rows import PlannedRow

SIZES = st.lists(st.integers(1, 100), max_size=60)


def batching(size: int, *, max_tokens: int | None = None, by_length: bool = False) -> Batching:
    return Batching(size=size, max_tokens=max_tokens, max_images=None, max_pixels=None, by_length=by_length)


def made(
    sizes: list[int], how: Batching, begin: Position | None = None, seed: int = 0
) -> list[tuple[list[PlannedRow], Position]]:
    return list(batches(mixture([[sizes]], [1]), begin or Position(start(1)), how, seed=seed, epoch=0))


def numbers(rows: list[PlannedRow]) -> list[int]:
    return [row.row for row in rows]


@given(SIZES, st.integers(1, 8))
def test_packed_rows_come_in_their_order(sizes: list[int], size: int) -> None:
    found = made(sizes, batching(size))
    assert numbers(list(chain.from_iterable(rows for rows, _ in found))) == list(range(len(sizes)))
    assert all(len(rows) == size for rows, _ in found[:-1])


@given(SIZES, st.integers(1, 4), st.none() | st.integers(100, 300), st.data())
def test_rows_of_like_length_come_together_within_the_budget_and_every_place_resumes(
    sizes: list[int], size: int, max_tokens: int | None, data: st.DataObject
) -> None:
    how = batching(size, max_tokens=max_tokens, by_length=True)
    found = made(sizes, how)
    assert sorted(numbers([row for rows, _ in found for row in rows])) == list(range(len(sizes)))
    for rows, _ in found:
        assert 1 <= len(rows) <= size
        assert max_tokens is None or len(rows) == 1 or len(rows) * max(row.num_tokens for row in rows) <= max_tokens
    if found:
        at = data.draw(st.integers(0, len(found) - 1))
        assert made(sizes, how, found[at][1]) == found[at + 1 :]


def test_grouping_by_length_leaves_little_padding_and_shuffles_the_batches() -> None:
    sizes = [(number * 37) % 100 + 1 for number in range(256)]

    def padding(how: Batching) -> int:
        return sum(
            max(row.num_tokens for row in rows) * len(rows) - sum(row.num_tokens for row in rows)
            for rows, _ in made(sizes, how)
        )

    assert padding(batching(8, by_length=True)) < padding(batching(8)) / 5
    longest = [max(row.num_tokens for row in rows) for rows, _ in made(sizes, batching(8, by_length=True))]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))
    assert made(sizes, batching(8, by_length=True), seed=1) != made(sizes, batching(8, by_length=True))


@given(SIZES, st.integers(1, 4), st.integers(1, 6), st.booleans())
def test_ranks_have_equally_many_batches_which_make_up_the_global_order(
    sizes: list[int], size: int, world_size: int, drop_last: bool
) -> None:
    found = made(sizes, batching(size))
    ranks = [list(rounds(iter(found), rank, world_size, size if drop_last else None)) for rank in range(world_size)]
    assert len({len(rank) for rank in ranks}) == 1
    in_turn = [row for turn in zip(*ranks, strict=True) for rows, _ in turn for row in rows]
    assert numbers(in_turn) == list(range(len(in_turn)))
    if drop_last:
        assert all(len(rows) == size for rank in ranks for rows, _ in rank)
        assert len(sizes) - len(in_turn) < size * world_size
    else:
        assert len(in_turn) == len(sizes)
        assert all(len(rows) <= size for rank in ranks for rows, _ in rank)
        # A rank is without a row only where there are fewer than ranks.
        empty = [len(rank[-1][0]) for rank in ranks if rank and not rank[-1][0]]
        assert not empty or sum(len(rank[-1][0]) for rank in ranks) < world_size
    for turn in zip(*ranks, strict=True):
        assert len({position for _, position in turn}) == 1
