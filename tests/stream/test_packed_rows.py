"""The rows of an epoch by number are those of the loader."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from fixtures_build import sample_dataset, small_dataset, whole_documents
from torch.utils.data import DataLoader

from interleave import PackedRows, Part, StreamingDataset

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")


def opened(data: Any, **options: Any) -> StreamingDataset:
    return StreamingDataset(data, images="bytes", rank=0, world_size=1, window=12, **options)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_by_number_are_those_of_the_loader(num_workers: int) -> None:
    data = opened(whole_documents(), seq_len=2048, batch_size=3)
    rows = PackedRows(data)
    loader = DataLoader(rows, batch_size=3, collate_fn=rows.collate, num_workers=num_workers)
    batches, expected = list(loader), list(data)
    assert [batch["keys"] for batch in batches] == [batch["keys"] for batch in expected]
    assert all(
        (one["input_ids"] == two["input_ids"]).all() and one["images"] == two["images"]
        for one, two in zip(batches, expected, strict=True)
    )


def test_they_say_what_the_plan_says_and_go_between_processes() -> None:
    data = opened([Part(sample_dataset()), Part(small_dataset(), 0.5)])
    rows, planned = PackedRows(data), list(data.planned_rows())
    assert [rows[number] for number in range(len(rows))] == planned
    assert rows[-1] == planned[-1]
    again = pickle.loads(pickle.dumps(rows))
    assert [again[number] for number in range(len(again))] == planned
    with pytest.raises(IndexError, match=f"row {len(rows)} of {len(rows)}"):
        rows[len(rows)]


def test_another_epoch_has_other_rows() -> None:
    rows = PackedRows(opened(sample_dataset()))
    first = list(rows)
    rows.set_epoch(1)
    assert list(rows) != first
    rows.set_epoch(0)
    assert list(rows) == first
