"""Short neighbours as one segment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fixtures_rows import P, segment
from hypothesis import given
from hypothesis import strategies as st

from interleave.pack.group import group_short
from interleave.pack.row import Segment, build_row


def of_length(length: int, key: int = 0, source: str = "coyo") -> Segment:
    return replace(segment(range(100 * key, 100 * key + length), key=str(key)), source=source)


def test_short_neighbours_become_one_segment_and_long_ones_stay() -> None:
    lengths = [3, 2, 9, 2, 3]
    found = group_short([of_length(length, key) for key, length in enumerate(lengths)], 4)
    assert [len(item.token_ids) for item in found] == [5, 9, 5]
    assert [item.key for item in found] == ["0+1", "2", "3+4"]
    assert found[0].doc_id == "doc-0+doc-1"
    assert found[0].token_ids.tolist() == [0, 1, 2, 100, 101]
    # The end of one document does not predict the beginning of the next.
    assert found[0].loss_mask.tolist() == [False, True, True, False, True]


def test_long_neighbours_are_not_joined() -> None:
    assert [item.key for item in group_short([of_length(9, 0), of_length(9, 1)], 4)] == ["0", "1"]


@pytest.mark.parametrize("below", [0, 1])
def test_without_a_bound_nothing_is_joined(below: int) -> None:
    segments = [of_length(1, 0), of_length(1, 1)]
    assert group_short(segments, below) == segments


def test_another_source_begins_another_segment() -> None:
    segments = [of_length(2, 0), of_length(2, 1, "mmc4"), of_length(2, 2, "mmc4")]
    assert [item.key for item in group_short(segments, 4)] == ["0", "1+2"]


def test_images_count_as_what_they_are_in_the_model_and_move_with_their_text() -> None:
    pair = segment([1, P, 7], [(1, 1, [P] * 4)], "0", grids=[(2, 2)])
    pairs = [pair, replace(pair, key="1", images=(b"1/0",))]
    assert group_short(pairs, 6) == pairs
    (joined,) = group_short(pairs, 7)
    row = build_row([joined], 14, padding=0)
    assert row.token_ids.tolist() == [1, P, P, P, P, 7, 1, P, P, P, P, 7, 0, 0]
    assert (row.segment_ids.tolist(), row.images) == ([1] * 12 + [0] * 2, (b"0/0", b"1/0"))
    assert row.image_starts.tolist() == [1, 7]
    assert row.mrope_positions is not None


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from("ab")), max_size=9), st.integers(0, 10))
def test_no_id_is_lost_and_their_order_stays(shapes: list[tuple[int, str]], below: int) -> None:
    segments = [of_length(length, key, source) for key, (length, source) in enumerate(shapes)]
    found = group_short(segments, below)
    joined = [segment.token_ids for segment in found]
    assert np.concatenate([[], *joined]).tolist() == np.concatenate([[], *(s.token_ids for s in segments)]).tolist()
    assert [key for segment in found for key in segment.key.split("+")] == [s.key for s in segments]
