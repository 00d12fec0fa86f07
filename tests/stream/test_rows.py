"""Rows of an epoch with a limit of images: borders between images, and real datasets."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from fixtures_build import sample_dataset, whole_documents
from hypothesis import given
from hypothesis import strategies as st

from interleave.errors import ShardError
from interleave.stream.order import Order
from interleave.stream.reader import DatasetReader
from interleave.stream.rows import PlannedRow, RowPlan, cut_by_images


def plan_of(folder: Path, *, max_images: int | None, seq_len: int = 4096, window: int = 10) -> RowPlan:
    reader = DatasetReader(folder)
    order = Order(len(reader), dataset=reader.digest, seed=0, epoch=0, shuffle=True)
    return RowPlan(reader, order, seq_len=seq_len, window=window, max_images=max_images)


def rows_of(plan: RowPlan) -> list[PlannedRow]:
    return [row for window in range(plan.num_windows) for row in plan.rows(window)]


def test_the_examples_of_borders_between_images() -> None:
    assert cut_by_images([0, 90], [0, 10, 50], [20, 30, 60], 2) == [0, 50, 90]
    assert cut_by_images([0, 90], [0, 10, 50], [20, 30, 60], 1) == [0, 10, 30, 50, 90]
    assert cut_by_images([0, 50, 90], [0, 10, 50], [20, 30, 60], 2) == [0, 50, 90]
    assert cut_by_images([0, 90], [], [20, 30], 1) == [0, 30, 90]


@given(st.data())
def test_no_part_has_too_many_images_and_old_borders_stay(data: st.DataObject) -> None:
    positions = st.integers(1, 99)
    starts = sorted(data.draw(st.sets(positions, max_size=20)))
    units = sorted({0, *data.draw(st.sets(positions, max_size=20))})
    old = [0, *sorted(data.draw(st.sets(positions, max_size=3))), 100]
    max_images = data.draw(st.integers(1, 5))
    borders = cut_by_images(old, units, starts, max_images)
    assert set(old) <= set(borders) <= {*old, *units, *starts}
    assert borders == sorted(set(borders))
    for start, stop in pairwise(borders):
        assert sum(start <= at < stop for at in starts) <= max_images


@pytest.mark.parametrize("max_images", [1, 2, 5])
def test_whole_documents_are_cut_to_any_number_of_images(max_images: int) -> None:
    plan = plan_of(whole_documents(), max_images=max_images)
    reader = DatasetReader(whole_documents())
    covered: dict[int, list[tuple[int, int]]] = {}
    num_images = 0
    for row in rows_of(plan):
        segments = [reader.segment(*item) for item in row.items]
        assert all(segment is not None for segment in segments)
        images = sum(len(segment.images) for segment in segments if segment is not None)
        tokens = sum(
            len(segment.token_ids) + sum(map(len, segment.span_ids)) - int(segment.span_lengths.sum())
            for segment in segments
            if segment is not None
        )
        assert images <= max_images and tokens <= 4096
        num_images += images
        for (sample, start, stop), segment in zip(row.items, segments, strict=True):
            assert segment is not None
            covered.setdefault(sample, []).append((start, len(segment.token_ids) if stop is None else stop))
    assert num_images == reader.manifest.num_images
    for sample, parts in covered.items():
        parts.sort()
        assert parts[0][0] == 0 and parts[-1][1] == len(reader.read(sample)[1])
        assert all(before[1] == after[0] for before, after in pairwise(parts))
    assert sorted(covered) == list(range(len(reader)))


def test_a_limit_that_is_never_reached_changes_no_row() -> None:
    assert rows_of(plan_of(whole_documents(), max_images=None)) == rows_of(plan_of(whole_documents(), max_images=99))


def test_a_window_is_packed_by_itself_whatever_was_packed_before() -> None:
    first = plan_of(whole_documents(), max_images=3)
    rows = [first.rows(window) for window in range(first.num_windows)]
    again = plan_of(whole_documents(), max_images=3)
    assert [again.rows(window) for window in reversed(range(again.num_windows))] == rows[::-1]
    for window, found in enumerate(rows):
        assert [(row.window, row.row) for row in found] == [(window, number) for number in range(len(found))]


def test_samples_that_were_cut_at_build_need_a_limit_that_holds_them() -> None:
    with pytest.raises(ShardError, match=r"samples of up to \d+ images do not fit max_images=1"):
        plan_of(sample_dataset(), max_images=1)
