"""A batch without images gets one that nothing is learned of, and is otherwise what it was."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
import torch
from fixtures_build import sample_dataset

from interleave import StreamingDataset
from interleave.stream.dummy import dummy_segment


def opened(**options: Any) -> StreamingDataset:
    return StreamingDataset(sample_dataset(), **{"rank": 0, "world_size": 1, "packing": False} | options)


def test_only_batches_without_images_get_one_and_nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    # Every sample has an image here: rows whose images are taken away stand in for text alone.
    dataset = opened(dummy_images=True, num_threads=0)
    read = dataset.reader.segment
    monkeypatch.setattr(dataset.reader, "segment", lambda sample, *_, **__: read(sample) if sample % 2 else None)
    found = {True: 0, False: 0}
    for batch in dataset:
        has_own = any(key != "dummy" for keys in batch["keys"] for key in keys)
        found[has_own] += 1
        assert batch["num_dummy_images"] == (not has_own)
        assert len(batch["images"]) == len(batch["image_rows"]) >= 1
        if not has_own:
            assert [*chain(*batch["keys"])] == ["dummy"] and (batch["labels"] == -100).all()
            (image,) = batch["images"]
            assert image.shape == (3, 56, 56) and int(image.float().std()) == 0
    assert all(found.values())


@pytest.mark.parametrize(("num_tokens", "row"), [([100, 3900], 0), ([3900, 4000], 2)])
def test_it_stands_where_room_is_left_or_in_a_row_more(num_tokens: list[int], row: int) -> None:
    from interleave.stream.rows import PlannedRow

    dataset = opened(dummy_images=True, packing=True)
    planned = [
        PlannedRow(source=0, window=0, row=at, items=(), num_tokens=size, num_images=0, num_pixels=0)
        for at, size in enumerate(num_tokens)
    ]
    batch = dataset.read_batch(planned)
    assert batch["image_rows"].tolist() == [row] and len(batch["input_ids"]) == max(2, row + 1)
    assert batch["image_tokens"].tolist() == [len(dummy_segment(dataset.reader.manifest.model.image).token_ids)]
    assert torch.isfinite(batch["loss_weights"]).all() and not batch["loss_weights"].any()
