"""A packed row: worked examples, and that no token and no image is lost on the way into it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.pack.row import Segment, build_row, expansion

P = -200


def segment(ids: Sequence[int], spans: Sequence[tuple[int, int, int]] = (), key: str = "0") -> Segment:
    """spans: (start, stored ids, tokens in the model) of each image."""
    learned = np.ones(len(ids), dtype=np.bool_)
    for start, length, _ in spans:
        learned[start : start + length] = False
    starts, lengths, tokens = (np.array([span[at] for span in spans], dtype=np.int32) for at in range(3))
    return Segment(
        token_ids=np.array(ids, dtype=np.int32),
        loss_mask=learned,
        span_starts=starts,
        span_lengths=lengths,
        span_tokens=tokens,
        images=tuple(f"{key}/{at}".encode() for at in range(len(spans))),
        key=key,
        doc_id=f"doc-{key}",
    )


def test_two_segments_without_images() -> None:
    row = build_row([segment([5, 6, 7]), segment([8, 9])], 6, padding=0)
    assert row.token_ids.tolist() == [5, 6, 7, 8, 9, 0]
    assert row.segment_ids.tolist() == [1, 1, 1, 2, 2, 0]
    assert row.positions.tolist() == [0, 1, 2, 0, 1, 0]
    assert row.loss_mask.tolist() == [False, True, True, False, True, False]
    assert row.images == () and len(row.image_starts) == 0


def test_an_image_takes_as_many_places_as_it_becomes_tokens() -> None:
    row = build_row([segment([1, 7, P, 8], [(2, 1, 4)]), segment([1, P], [(1, 1, 2)], "1")], 11, padding=99)
    assert row.token_ids.tolist() == [1, 7, P, P, P, P, 8, 1, P, P, 99]
    assert row.segment_ids.tolist() == [1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 0]
    assert row.positions.tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 0]
    assert np.flatnonzero(row.loss_mask).tolist() == [1, 6]
    assert row.image_starts.tolist() == [2, 8]
    assert row.image_tokens.tolist() == [4, 2]
    assert row.images == (b"0/0", b"1/0")
    assert (row.keys, row.doc_ids) == (("0", "1"), ("doc-0", "doc-1"))


def test_the_examples_of_expansion() -> None:
    assert expansion(segment([7, P, 8], [(1, 1, 4)])).tolist() == [1, 4, 1]
    assert expansion(segment([7, P, P, P, P, 8], [(1, 4, 4)])).tolist() == [1] * 6


def test_placeholders_that_are_stored_one_a_token_are_not_expanded_again() -> None:
    row = build_row([segment([7, P, P, P, 8], [(1, 3, 3)])], 5, padding=0)
    assert row.token_ids.tolist() == [7, P, P, P, 8]
    assert (row.image_starts.tolist(), row.image_tokens.tolist()) == ([1], [3])


def test_images_side_by_side_keep_their_own_places() -> None:
    row = build_row([segment([P, P, 3], [(0, 1, 2), (1, 1, 3)])], 6, padding=0)
    assert row.image_starts.tolist() == [0, 2]
    assert row.token_ids.tolist() == [P] * 5 + [3]


def test_a_row_without_segments_is_padding_alone() -> None:
    row = build_row([], 3, padding=7)
    assert row.token_ids.tolist() == [7, 7, 7]
    assert not row.segment_ids.any() and not row.loss_mask.any()


def test_segments_longer_than_the_row_are_an_error() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        build_row([segment([1, 2, 3])], 2, padding=0)


@given(st.data())
def test_text_and_images_come_back_from_a_row_as_they_went_in(data: st.DataObject) -> None:
    segments = []
    for number in range(data.draw(st.integers(1, 4))):
        kinds = data.draw(st.lists(st.booleans(), min_size=1, max_size=12))
        spans = [(at, 1, data.draw(st.integers(1, 5))) for at, is_image in enumerate(kinds) if is_image]
        ids = [P if is_image else 10 + at for at, is_image in enumerate(kinds)]
        segments.append(segment(ids, spans, str(number)))
    length = sum(int(expansion(item).sum()) for item in segments) + data.draw(st.integers(0, 3))
    row = build_row(segments, length, padding=0)
    for number, item in enumerate(segments, start=1):
        inside = row.token_ids[row.segment_ids == number]
        assert inside[inside != P].tolist() == [token for token in item.token_ids if token != P]
    assert row.images == sum((item.images for item in segments), ())
    stands = np.zeros(length, dtype=np.bool_)
    for start, tokens in zip(row.image_starts, row.image_tokens, strict=True):
        assert (row.token_ids[start : start + tokens] == P).all() and not stands[start : start + tokens].any()
        stands[start : start + tokens] = True
    assert np.array_equal(stands, row.token_ids == P)
    assert not row.loss_mask[stands].any()
    first = np.flatnonzero((row.positions == 0) & (row.segment_ids > 0))
    assert len(first) == len(segments) and not row.loss_mask[first].any()
