"""What cannot be read leaves padding, is named and counted, and stops the loader when it is too much."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from fixtures_build import copy_of, edit_shard, sample_dataset, small_dataset

from interleave import StreamingDataset
from interleave.errors import ShardError
from interleave.shard.index import SCHEMA, read_index, write_index


def opened(folder: Path, **options: Any) -> StreamingDataset:
    return StreamingDataset(folder, rank=0, world_size=1, **options)


def with_broken_image(folder: Path, damage: bytes) -> Path:
    """A copy of the dataset of six whose first image is no picture any more; returns its folder."""
    dataset = copy_of(small_dataset(), folder)

    def broken(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        at = next(number for number, (name, _) in enumerate(members) if name.endswith(".jpg"))
        name, data = members[at]
        members[at] = (name, (damage + data[len(damage) :]) if damage else data[:40] + bytes(len(data) - 40))
        return members

    edit_shard(dataset, broken)
    return dataset


def segments_of(batches: list[dict[str, Any]]) -> dict[str, list[int]]:
    return {
        key: batch["input_ids"][row][batch["segment_ids"][row] == number].tolist()
        for batch in batches
        for row, keys in enumerate(batch["keys"])
        for number, key in enumerate(keys, start=1)
    }


@pytest.mark.parametrize("damage", [b"no picture", b""], ids=["no JPEG", "no pixels"])
def test_a_sample_with_a_broken_image_leaves_padding_and_is_named(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = with_broken_image(tmp_path / "six", damage)
    whole, batches = list(opened(small_dataset())), list(opened(dataset))
    with_images = next(key for batch in whole for keys in batch["keys"] for key in keys if key == "0000000000")
    skipped = [what for batch in batches for what in batch["skipped"]]
    assert len(skipped) == 1 and "sample 0000000000: image 0" in skipped[0] and str(dataset) in skipped[0]
    assert [record.message for record in caplog.records] == [f"skipped: {skipped[0]}"]
    assert caplog.records[0].levelno == logging.WARNING
    expected = segments_of(whole)
    del expected[with_images]
    assert segments_of(batches) == expected
    for before, after in zip(whole, batches, strict=True):
        of_which = {"datasets"}  # sealed again, the damaged one is another dataset
        assert {k: v for k, v in before["state"].items() if k not in of_which} == {
            k: v for k, v in after["state"].items() if k not in of_which
        }
        assert len(after["images"]) == len(after["image_rows"])
        left = [image for image, tokens in zip(before["images"], before["image_tokens"], strict=True) if tokens]
        assert all(any(torch.equal(image, other) for other in left) for image in after["images"])
    assert [what for batch in opened(dataset, images="bytes") for what in batch["skipped"]] == []


def test_too_many_unreadable_samples_stop_the_loader_with_one_sentence(tmp_path: Path) -> None:
    dataset = with_broken_image(tmp_path / "six", b"no picture")
    with pytest.raises(ShardError, match=r"1 samples could not be read, max_skipped=0; the last: .*0000000000"):
        list(opened(dataset, max_skipped=0))


def test_a_missing_shard_is_named_once_a_sample_until_it_is_too_much(tmp_path: Path) -> None:
    dataset = copy_of(sample_dataset(), tmp_path / "mmc4")
    (dataset / "shard-0001.tar").unlink()
    missing = [what for batch in opened(dataset) for what in batch["skipped"]]
    assert missing and all("shard-0001.tar: No such file" in what for what in missing)
    with pytest.raises(ShardError, match=f"max_skipped={len(missing) - 1}"):
        list(opened(dataset, max_skipped=len(missing) - 1, num_threads=2))


def test_samples_that_are_longer_than_the_index_says_are_an_error_and_no_shorter_row(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    rows = read_index(dataset / "index.arrow").to_pylist()
    shorter = [row | {"num_tokens": 300} for row in rows]
    write_index(dataset / "index.arrow", [pa.RecordBatch.from_pylist(shorter, schema=SCHEMA)])
    with pytest.raises(ShardError, match=r"are not what the index says: segments of .*run `interleave validate`"):
        list(opened(dataset, seq_len=2000))
