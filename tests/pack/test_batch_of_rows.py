"""A batch of rows: shapes, weights, and borders with which attention keeps segments apart."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from fixtures_rows import P, segment
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from interleave.pack.row import Row, build_row
from interleave.stream.batch import collate


def rows_of(*sizes: list[int], length: int = 8) -> list[Row]:
    return [
        build_row([segment([5] * size, key=f"{number}-{size}") for size in row], length, padding=0)
        for number, row in enumerate(sizes)
    ]


def test_borders_of_a_batch_are_those_of_its_rows_end_to_end_with_padding_by_itself() -> None:
    batch = collate(rows_of([3, 2], [8], []))
    assert batch["cu_seqlens"].tolist() == [0, 3, 5, 8, 16, 24]
    assert batch["cu_seqlens"].dtype == torch.int32
    assert batch["max_seqlen"] == 8


@given(st.lists(st.lists(st.integers(1, 4), max_size=3), min_size=1, max_size=4))
def test_borders_of_a_batch_agree_with_segment_ids(sizes: list[list[int]]) -> None:
    batch = collate(rows_of(*sizes, length=12))
    borders = batch["cu_seqlens"].tolist()
    numbers = batch["segment_ids"].flatten().tolist()
    positions = batch["position_ids"].flatten().tolist()
    assert borders[0] == 0 and borders[-1] == len(numbers)
    assert batch["max_seqlen"] == max(np.diff(borders))
    for start, stop in pairwise(borders):
        assert len(set(numbers[start:stop])) == 1
        if numbers[start]:
            assert positions[start:stop] == list(range(stop - start))


def test_the_weight_of_a_sample_stands_where_it_is_learned() -> None:
    first = segment([5, P, 6], [(1, 1, [P, P])], weight=0.5)
    batch = collate([build_row([first, segment([7, 8], key="1", weight=2.0)], 7, padding=0)])
    assert batch["loss_weights"].tolist() == [[0, 0, 0, 0.5, 0, 2.0, 0]]
    assert batch["loss_weights"].dtype == torch.float32
    assert ((batch["loss_weights"] > 0) == (batch["labels"] != -100)).all()
    assert (batch["keys"], batch["sources"]) == ([["0", "1"]], [["source-0", "source-1"]])
    assert batch["doc_ids"] == [["doc-0", "doc-1"]]


def test_a_sample_without_weight_keeps_its_labels() -> None:
    batch = collate([build_row([segment([5, 6], weight=0.0)], 2, padding=0)])
    assert batch["labels"].tolist() == [[-100, 6]]
    assert batch["loss_weights"].tolist() == [[0, 0]]


def test_positions_of_three_dimensions_have_the_shape_that_qwen_takes() -> None:
    rows = [
        build_row([segment([5, P], [(1, 1, [P] * 4)], grids=[(2, 2)])], 6, padding=0),
        build_row([], 6, padding=0, has_grid=True),  # all of it was taken down
    ]
    batch = collate(rows)
    assert batch["mrope_position_ids"].shape == (3, 2, 6)
    assert batch["mrope_position_ids"].dtype == torch.int64
    assert batch["mrope_position_ids"][:, 0].tolist() == [[0, 1, 1, 1, 1, 0], [0, 1, 1, 2, 2, 0], [0, 1, 2, 1, 2, 0]]


def test_models_of_one_dimension_have_no_others() -> None:
    assert "mrope_position_ids" not in collate(rows_of([3], []))


def test_the_mask_and_the_borders_isolate_and_positions_that_begin_again_do_not() -> None:
    """Attention over a row equals that over each segment alone, if segment ids, or cu_seqlens, make the mask."""
    batch = collate(rows_of([3, 4]))
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, 8, 4, generator=generator)
    segments = batch["segment_ids"]
    same = segments[:, None, :, None] == segments[:, None, None, :]
    packed = scaled_dot_product_attention(query, key, value, attn_mask=same & torch.ones(8, 8).tril().bool())
    leaky = scaled_dot_product_attention(query, key, value, is_causal=True)
    borders = batch["cu_seqlens"].tolist()
    for start, stop in pairwise(borders):
        here = slice(start, stop)
        alone = scaled_dot_product_attention(query[:, :, here], key[:, :, here], value[:, :, here], is_causal=True)
        assert torch.allclose(packed[:, :, here], alone, atol=1e-6)
    assert not torch.allclose(leaky[:, :, 3:7], packed[:, :, 3:7], atol=1e-2)


def test_images_are_the_rows_own_unless_others_are_given() -> None:
    row = build_row([segment([5, P], [(1, 1, [P])])], 2, padding=0)
    assert collate([row])["images"] == list(row.images) != []
    pixels = [torch.zeros(3, 1, 1)]
    assert collate([row], images=pixels)["images"] is pixels
    with pytest.raises(ValueError, match="form is 'llama', expected one of pad, varlen"):
        collate([row], form="llama")
