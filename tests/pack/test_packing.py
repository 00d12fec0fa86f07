"""Packing: nothing lost, nothing doubled, no row above its limits, and as few rows as can be."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from bisect import bisect_left, insort
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.pack.bestfit import best_fit
from interleave.pack.fill import fill_rows
from interleave.pack.kinds import Kind, Limits, Pattern, least_rows, num_rows
from interleave.pack.packing import pack

CAPACITY, MAX_IMAGES = 50, 4
SIZES = st.lists(st.integers(0, CAPACITY), max_size=80)
FEW = st.lists(st.integers(1, 12), min_size=1, max_size=7)
# (tokens, images), images of few tokens and of many
KINDS = st.lists(st.tuples(st.integers(1, CAPACITY), st.integers(0, MAX_IMAGES)), max_size=60)


@given(SIZES)
def test_every_item_is_in_one_row_once(sizes: list[int]) -> None:
    assert sorted(itertools.chain(*pack(sizes, CAPACITY))) == list(range(len(sizes)))


@given(SIZES)
def test_no_row_is_longer_than_its_capacity_and_none_is_empty(sizes: list[int]) -> None:
    for row in pack(sizes, CAPACITY):
        assert row and sum(sizes[item] for item in row) <= CAPACITY


@given(SIZES)
def test_rows_come_in_the_order_of_their_first_item(sizes: list[int]) -> None:
    rows = pack(sizes, CAPACITY)
    assert rows == sorted(rows) and all(row == sorted(row) for row in rows)


@given(SIZES)
def test_rows_are_never_more_than_those_of_best_fit_decreasing(sizes: list[int]) -> None:
    assert len(pack(sizes, CAPACITY)) <= rows_of_best_fit(sizes, CAPACITY)


@given(st.lists(st.integers(100, 1000), min_size=60, max_size=200))
def test_nor_where_sizes_are_as_different_as_those_of_documents(sizes: list[int]) -> None:
    rows = len(pack(sizes, 1000))
    assert least_rows(Counter((size, 0) for size in sizes), Limits(1000, 0)) <= rows
    assert rows <= rows_of_best_fit(sizes, 1000)


@given(FEW)
def test_no_packing_needs_fewer_rows_than_the_bound(sizes: list[int]) -> None:
    bound = least_rows(Counter((size, 0) for size in sizes), Limits(12, 0))
    assert -(-sum(sizes) // 12) <= bound <= fewest_rows(sizes, 12)


def test_the_example_of_the_bound() -> None:
    assert least_rows(Counter([(8, 0)] * 3 + [(3, 0)] * 4), Limits(10, 0)) == 5
    assert least_rows(Counter([(1, 3)] * 3), Limits(10, 4)) == 3
    assert least_rows(Counter(), Limits(10, 4)) == 0


@given(FEW)
def test_few_items_need_hardly_more_rows_than_the_fewest_possible(sizes: list[int]) -> None:
    assert len(pack(sizes, 12)) <= fewest_rows(sizes, 12) + 1


def test_few_items_of_any_size_are_packed_into_the_fewest_rows_nearly_always() -> None:
    rng = random.Random(0)
    cases = [[rng.randint(1, 12) for _ in range(7)] for _ in range(200)]
    assert sum(len(pack(sizes, 12)) == fewest_rows(sizes, 12) for sizes in cases) >= 199


def test_rows_that_can_be_full_are_full() -> None:
    """Best-fit decreasing makes [44 8 6] [24 24 8] [22 21 17] [6] of these."""
    sizes = [44, 24, 24, 22, 21, 17, 8, 8, 6, 6]
    assert rows_of_best_fit(sizes, 60) == 4
    assert sorted(sorted(sizes[item] for item in row) for row in pack(sizes, 60)) == [
        [6, 6, 24, 24],
        [8, 8, 44],
        [17, 21, 22],
    ]


def test_the_example_of_the_docstring() -> None:
    assert pack([3, 5, 2, 4], 7) == [[0, 3], [1, 2]]


def test_nothing_makes_no_rows_and_items_of_no_size_take_no_room() -> None:
    assert pack([], 7) == []
    assert pack([0, 0], 7) == [[0, 1]]
    assert pack([7, 0, 7], 7) == [[0, 1], [2]]


def test_an_item_larger_than_a_row_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="item 1 has 8 tokens, a row holds 7"):
        pack([3, 8], 7)
    with pytest.raises(ValueError, match="item 1 has 3 images, a row holds 2"):
        pack([3, 7], 7, [0, 3], 2)


def test_items_of_one_size_go_to_rows_in_their_order() -> None:
    assert pack([5] * 6, 10) == [[0, 1], [2, 3], [4, 5]]


# Images


@given(KINDS)
def test_no_row_holds_too_many_images(kinds: list[Kind]) -> None:
    sizes, images = [kind[0] for kind in kinds], [kind[1] for kind in kinds]
    rows = pack(sizes, CAPACITY, images, MAX_IMAGES)
    assert sorted(itertools.chain(*rows)) == list(range(len(kinds)))
    for row in rows:
        assert sum(sizes[item] for item in row) <= CAPACITY
        assert sum(images[item] for item in row) <= MAX_IMAGES
    counts = Counter(kinds)
    assert least_rows(counts, Limits(CAPACITY, MAX_IMAGES)) <= len(rows)
    assert len(rows) <= num_rows(best_fit(counts, Limits(CAPACITY, MAX_IMAGES)))


@given(KINDS)
def test_images_that_are_not_limited_or_never_too_many_change_nothing(kinds: list[Kind]) -> None:
    sizes, images = [kind[0] for kind in kinds], [kind[1] for kind in kinds]
    assert pack(sizes, CAPACITY) == pack(sizes, CAPACITY, images) == pack(sizes, CAPACITY, images, 1000)


def test_images_decide_where_they_are_what_is_scarce() -> None:
    assert pack([1, 1, 1, 1], 10, [2, 2, 2, 2], 4) == [[0, 1], [2, 3]]
    assert pack([6, 4, 6, 4], 10, [3, 3, 1, 1], 4) == [[0, 3], [1, 2]]
    assert pack([5, 5, 5, 5], 10, [0, 0, 0, 0], 0) == [[0, 1], [2, 3]]


def test_rows_with_too_many_images_are_packed_again_in_fewer_rows_than_best_fit_makes() -> None:
    rng = random.Random(0)
    ours = theirs = 0
    for _ in range(4):
        images = [min(9, int(rng.expovariate(0.5)) + 1) for _ in range(300)]
        sizes = [196 * number + rng.randrange(50, 1500) for number in images]
        ours += len(pack(sizes, 4096, images, 9))
        theirs += num_rows(best_fit(Counter(zip(sizes, images, strict=True)), Limits(4096, 9)))
    assert ours < theirs


# Each way by itself


@given(KINDS, st.integers(0, CAPACITY), st.integers(0, MAX_IMAGES))
def test_each_way_to_pack_holds_all_items_and_keeps_the_limits(kinds: list[Kind], tokens: int, images: int) -> None:
    counts, limits = Counter(kinds), Limits(CAPACITY, MAX_IMAGES)
    for patterns in (best_fit(counts, limits), fill_rows(counts, limits, (tokens, images))):
        held: Counter[Kind] = Counter()
        for pattern in patterns:
            assert pattern.num_rows > 0
            assert sum(kind[0] for kind in pattern.kinds) <= CAPACITY
            assert sum(kind[1] for kind in pattern.kinds) <= MAX_IMAGES
            for kind in pattern.kinds:
                held[kind] += pattern.num_rows
        assert held == counts


@given(SIZES)
def test_placing_kinds_is_placing_items(sizes: list[int]) -> None:
    """Best-fit decreasing of whole kinds makes as many rows as that of items one by one."""
    counts = Counter((size, 0) for size in sizes if size)
    patterns = best_fit(counts, Limits(CAPACITY, 0))
    assert num_rows(patterns) == rows_of_best_fit([size for size in sizes if size], CAPACITY)


def test_a_row_is_filled_by_the_set_that_fits_and_not_by_the_largest_item() -> None:
    limits = Limits(10, 0)
    assert fill_rows(Counter([(6, 0), (3, 0), (2, 0), (2, 0)]), limits, (0, 0)) == [
        Pattern(((6, 0), (2, 0), (2, 0)), 1),
        Pattern(((3, 0),), 1),
    ]
    # Where a token may stay empty, small items are kept.
    assert fill_rows(Counter([(6, 0), (3, 0), (2, 0), (2, 0)]), limits, (1, 0))[0].kinds == ((6, 0), (3, 0))


def test_small_items_are_laid_into_a_row_only_as_far_as_its_images_go() -> None:
    assert fill_rows(Counter({(1, 2): 2, (1, 1): 8}), Limits(50, 4), (0, 0)) == [
        Pattern(((1, 2),) * 2, 1),
        Pattern(((1, 1),) * 4, 2),
    ]


def test_best_fit_takes_the_row_with_the_fewest_tokens_left_of_those_with_enough_images() -> None:
    patterns = best_fit(Counter([(8, 0), (5, 1), (2, 1)]), Limits(10, 2))
    assert sorted(sorted(pattern.kinds) for pattern in patterns) == [[(2, 1), (8, 0)], [(5, 1)]]


def test_a_million_tokens_a_row_and_small_items_are_packed_in_bounded_work() -> None:
    sizes = [random.Random(0).randrange(200, 6000) for _ in range(3000)] + [2 * size for size in range(100, 1100)]
    rows = pack(sizes, 1_000_000)
    assert len(rows) == -(-sum(sizes) // 1_000_000)


def test_so_many_images_that_their_sums_cannot_be_kept_are_packed_best_fit() -> None:
    sizes, images = [10] * 50 + [100_000] * 50, [5000] * 50 + [1] * 50
    rows = pack(sizes, 1_000_000, images, 20_000)
    assert all(sum(images[item] for item in row) <= 20_000 for row in rows)
    assert len(rows) == num_rows(best_fit(Counter(zip(sizes, images, strict=True)), Limits(1_000_000, 20_000)))


def test_odd_rooms_and_even_items_end_too() -> None:
    rng = random.Random(1)
    sizes = [2 * rng.randrange(1, 1000) for _ in range(2000)]
    assert len(pack(sizes, 4095)) == -(-sum(sizes) // 4094)


# The same everywhere


def test_rows_do_not_depend_on_the_hash_seed() -> None:
    script = (
        "import random; from interleave.pack.packing import pack; r = random.Random(5);"
        "k = [(r.randrange(1, 4096), r.randrange(9)) for _ in range(300)];"
        "print(pack([s for s, _ in k], 4096), pack([s for s, _ in k], 4096, [n for _, n in k], 10))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1 and len(outputs.pop()) > 1000


def rows_of_best_fit(sizes: list[int], capacity: int) -> int:
    """One item after another, each into the fullest row that has room."""
    rooms: list[int] = []
    for size in sorted(sizes, reverse=True):
        at = bisect_left(rooms, size)
        insort(rooms, (rooms.pop(at) if at < len(rooms) else capacity) - size)
    return len(rooms)


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
