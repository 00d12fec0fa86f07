"""A packed row: worked examples, and that no token and no image is lost on the way into it."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures_rows import END, START, P, Span, segment
from hypothesis import given
from hypothesis import strategies as st

from interleave.pack.row import Row, Segment, build_row


def test_two_segments_without_images() -> None:
    row = build_row([segment([5, 6, 7]), segment([8, 9], key="1", weight=0.5)], 6, padding=0)
    assert row.token_ids.tolist() == [5, 6, 7, 8, 9, 0]
    assert row.segment_ids.tolist() == [1, 1, 1, 2, 2, 0]
    assert row.positions.tolist() == [0, 1, 2, 0, 1, 0]
    assert row.loss_mask.tolist() == [False, True, True, False, True, False]
    assert row.cu_seqlens.tolist() == [0, 3, 5]
    assert row.segment_weights.tolist() == [1.0, 0.5]
    assert (row.keys, row.doc_ids, row.sources) == (("0", "1"), ("doc-0", "doc-1"), ("source-0", "source-1"))
    assert row.images == () and len(row.image_starts) == 0
    assert row.mrope_positions is None


def test_an_image_takes_as_many_places_as_it_becomes_tokens() -> None:
    row = build_row([segment([1, 7, P, 8], [(2, 1, [P] * 4)]), segment([1, P], [(1, 1, [P] * 2)], "1")], 11, padding=99)
    assert row.token_ids.tolist() == [1, 7, P, P, P, P, 8, 1, P, P, 99]
    assert row.segment_ids.tolist() == [1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 0]
    assert row.positions.tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 0]
    assert np.flatnonzero(row.loss_mask).tolist() == [1, 6]
    assert row.image_starts.tolist() == [2, 8]
    assert row.image_tokens.tolist() == [4, 2]
    assert row.images == (b"0/0", b"1/0")
    assert row.cu_seqlens.tolist() == [0, 7, 10]


def test_marks_around_and_inside_an_image_are_part_of_it_and_not_learned() -> None:
    row = build_row([segment([5, START, P, END, 6], [(1, 3, [START, P, P, 77, P, P, END])])], 10, padding=0)
    assert row.token_ids.tolist() == [5, START, P, P, 77, P, P, END, 6, 0]
    assert (row.image_starts.tolist(), row.image_tokens.tolist()) == ([1], [7])
    assert np.flatnonzero(row.loss_mask).tolist() == [8]


def test_an_image_that_becomes_fewer_ids_than_are_stored_shrinks() -> None:
    row = build_row([segment([5, START, P, END, 6], [(1, 3, [P])])], 4, padding=0)
    assert row.token_ids.tolist() == [5, P, 6, 0]


def test_placeholders_that_are_stored_one_a_token_are_not_expanded_again() -> None:
    row = build_row([segment([7, P, P, P, 8], [(1, 3, [P] * 3)])], 5, padding=0)
    assert row.token_ids.tolist() == [7, P, P, P, 8]
    assert (row.image_starts.tolist(), row.image_tokens.tolist()) == ([1], [3])


def test_images_side_by_side_keep_their_own_places() -> None:
    row = build_row([segment([P, P, 3], [(0, 1, [P] * 2), (1, 1, [P] * 3)])], 6, padding=0)
    assert row.image_starts.tolist() == [0, 2]
    assert row.token_ids.tolist() == [P] * 5 + [3]


def test_the_stored_ids_of_a_segment_are_not_changed() -> None:
    item = segment([P, P, 3], [(0, 2, [4, 5])])
    item.token_ids.setflags(write=False)
    item.loss_mask.setflags(write=False)
    assert build_row([item], 3, padding=0).token_ids.tolist() == [4, 5, 3]


def test_positions_of_three_dimensions_begin_again_in_each_segment() -> None:
    with_image = segment([5, P, 6], [(1, 1, [START, P, P, END])], grids=[(1, 2)])
    row = build_row([with_image, segment([5, 6], key="1", grids=[])], 9, padding=0)
    assert row.mrope_positions is not None and row.mrope_positions.dtype == np.int32
    assert row.mrope_positions.tolist() == [
        [0, 1, 2, 2, 4, 5, 0, 1, 0],
        [0, 1, 2, 2, 4, 5, 0, 1, 0],
        [0, 1, 2, 3, 4, 5, 0, 1, 0],
    ]


def test_a_grid_that_is_not_that_of_the_placeholders_is_an_error() -> None:
    with pytest.raises(ValueError, match="placeholders do not form grids"):
        build_row([segment([P], [(0, 1, [P, P, P])], grids=[(2, 2)])], 9, padding=0)


def test_a_row_without_segments_is_padding_alone() -> None:
    row = build_row([], 3, padding=7)
    assert row.token_ids.tolist() == [7, 7, 7]
    assert not row.segment_ids.any() and not row.loss_mask.any()
    assert row.cu_seqlens.tolist() == [0] and row.sources == ()
    assert row.mrope_positions is None
    of_qwen = build_row([], 3, padding=7, has_grid=True)
    assert of_qwen.mrope_positions is not None and not of_qwen.mrope_positions.any()


def test_segments_longer_than_the_row_are_an_error() -> None:
    with pytest.raises(ValueError, match="segments of 3 tokens do not fit into a row of 2"):
        build_row([segment([1, 2, 3])], 2, padding=0)
    with pytest.raises(ValueError, match="segments of 1,001 tokens"):
        build_row([segment([1, P], [(1, 1, [P] * 1000)])], 1000, padding=0)


@given(st.data())
def test_text_and_images_come_back_from_a_row_as_they_went_in(data: st.DataObject) -> None:
    segments, expected = [], []
    for number in range(data.draw(st.integers(1, 4))):
        item, ids = drawn_segment(data, str(number))
        segments.append(item)
        expected.append(ids)
    length = sum(map(len, expected)) + data.draw(st.integers(0, 3))
    row = build_row(segments, length, padding=0)
    for number, ids in enumerate(expected, start=1):
        assert row.token_ids[row.segment_ids == number].tolist() == ids
    assert not row.token_ids[row.segment_ids == 0].any()
    assert row.images == sum((item.images for item in segments), ())
    every = [ids for item in segments for ids in item.span_ids]
    inside = np.zeros(length, dtype=np.bool_)
    for start, tokens, ids in zip(row.image_starts, row.image_tokens, every, strict=True):
        here = slice(start, start + tokens)
        assert row.token_ids[here].tolist() == ids.tolist() and not inside[here].any()
        inside[here] = True
    assert np.array_equal(row.loss_mask, ~inside & (row.positions > 0))
    borders_agree(row)


def drawn_segment(data: st.DataObject, key: str) -> tuple[Segment, list[int]]:
    """Text and images in any order, and what they are in the model."""
    stored: list[int] = []
    expanded: list[int] = []
    spans: list[Span] = []
    for at, is_image in enumerate(data.draw(st.lists(st.booleans(), min_size=1, max_size=12))):
        if is_image:
            ids = [P + mark for mark in data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=5))]
            spans.append((len(stored), data.draw(st.integers(1, 3)), ids))
            stored += [P] * spans[-1][1]
            expanded += ids
        else:
            stored.append(10 + at)
            expanded.append(10 + at)
    return segment(stored, spans, key), expanded


def borders_agree(row: Row) -> None:
    """Segment ids, positions and cu_seqlens say the same."""
    sizes = np.diff(row.cu_seqlens)
    padding = len(row.token_ids) - row.cu_seqlens[-1]
    numbers = np.repeat([*range(1, len(sizes) + 1), 0], [*sizes, padding])
    assert np.array_equal(row.segment_ids, numbers)
    positions = np.concatenate([*(np.arange(size) for size in sizes), np.zeros(padding)])
    assert np.array_equal(row.positions, positions)
    assert len(row.keys) == len(row.doc_ids) == len(row.sources) == len(row.segment_weights) == len(sizes)
