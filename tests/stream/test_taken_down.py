"""The loader over a dataset that was taken down from: padding where samples were, and everything else as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from fixtures_build import copy_of, sample_dataset, small_dataset, whole_documents
from torch.utils.data import DataLoader

from interleave import StreamingDataset
from interleave.errors import ShardError
from interleave.executors import InProcess
from interleave.shard.takedown import take_down
from interleave.shard.takedown_request import read_request
from interleave.stream.reader import DatasetReader
from interleave.validate.look.inspection import inspect

# From Python 3.12 on, and on machines with one core.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]
DOMAINS = ["school.example", "sky.example"]
TENSORS = ("input_ids", "labels", "segment_ids", "position_ids")


def opened(folder: Path, **options: Any) -> StreamingDataset:
    options = {"window": 12, "images": "bytes", "batch_size": 1, "rank": 0, "world_size": 1} | options
    return StreamingDataset(folder, **options)


def take(dataset: Path, *domains: str) -> set[str]:
    """Takes down, and returns the keys that went."""
    with InProcess() as executor:
        found = take_down(dataset, read_request(domains=domains or DOMAINS), executor, quiet=True)
    return {hit.key for hit in found.samples}


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    tensors = (*TENSORS, "image_rows", "image_starts", "image_tokens")
    return (
        all(torch.equal(first[name], second[name]) for name in tensors)
        and first["images"] == second["images"]
        and first["keys"] == second["keys"]
        and first["state"] == second["state"]
    )


def segments(batch: dict[str, Any]) -> dict[str, list[tuple[list[int], list[int], list[int]]]]:
    """Ids, labels and positions of each sample (or its parts) of a batch of one row, by key."""
    found: dict[str, list[tuple[list[int], list[int], list[int]]]] = {}
    for number, key in enumerate(batch["keys"][0], start=1):
        at = batch["segment_ids"][0] == number
        part = tuple(batch[name][0][at].tolist() for name in ("input_ids", "labels", "position_ids"))
        found.setdefault(key, []).append(part)  # type: ignore[arg-type]
    return found


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return copy_of(sample_dataset(), tmp_path / "mmc4")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return copy_of(small_dataset(), tmp_path / "six")


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(
    ("make", "options"), [(sample_dataset, {}), (whole_documents, {"seq_len": 1200}), (sample_dataset, {"epoch": 3})]
)
def test_rows_stay_what_they_were_but_for_what_went(
    tmp_path: Path, make: Any, options: dict[str, Any], num_workers: int
) -> None:
    dataset = copy_of(make(), tmp_path / "copy")
    gone = take(dataset)
    epoch = options.pop("epoch", 0)
    both = [opened(folder, **options) for folder in (make(), dataset)]
    for each in both:
        each.set_epoch(epoch)
    before, after = (list(DataLoader(each, batch_size=None, num_workers=num_workers)) for each in both)
    assert len(before) == len(after)
    num_changed = 0
    for old, new in zip(before, after, strict=True):
        if gone.isdisjoint(old["keys"][0]):
            assert same(old, new)
            continue
        num_changed += 1
        assert segments(new) == {key: parts for key, parts in segments(old).items() if key not in gone}
        assert new["state"] == old["state"]
    assert 0 < num_changed < len(before)


def test_where_a_sample_was_there_is_padding_that_nothing_is_learned_from(dataset: Path) -> None:
    gone = take(dataset)
    old, new = (list(opened(folder, padding=31999)) for folder in (sample_dataset(), dataset))
    room = sum(
        len(ids) for batch in old for key, parts in segments(batch).items() if key in gone for ids, _, _ in parts
    )
    padding = [sum(int((batch["segment_ids"] == 0).sum()) for batch in batches) for batches in (old, new)]
    assert room > 0 and padding[1] == padding[0] + room
    for batch in new:
        is_padding = batch["segment_ids"] == 0
        assert (batch["input_ids"][is_padding] == 31999).all()
        assert (batch["labels"][is_padding] == -100).all() and (batch["position_ids"][is_padding] == 0).all()
        numbers = batch["segment_ids"][0].unique_consecutive().tolist()
        assert numbers == [*range(1, len(batch["keys"][0]) + 1), *([0] if is_padding.any() else [])]


def test_a_row_that_lost_everything_is_all_padding(small: Path) -> None:
    num_rows = len(list(opened(small)))
    take(small, *sorted({DatasetReader(small).read(number)[0].url.split("/")[2] for number in range(6)}))  # type: ignore[union-attr]
    batches = list(opened(small, images="nchw"))
    assert len(batches) == num_rows
    assert all((batch["labels"] == -100).all() and not batch["images"] for batch in batches)


def test_a_state_from_before_goes_on_after_a_take_down(dataset: Path) -> None:
    before = list(opened(dataset))
    take(dataset)
    after = list(opened(dataset))
    for number in (1, len(before) // 2, len(before) - 1):
        resumed = opened(dataset)
        resumed.load_state_dict(before[number - 1]["state"])
        left = list(resumed)
        assert len(left) == len(before) - number
        assert all(same(old, new) for old, new in zip(after[number:], left, strict=True))


def test_a_state_of_another_dataset_is_refused_after_a_take_down_too(dataset: Path, small: Path) -> None:
    state = next(iter(opened(dataset)))["state"]
    take(dataset)
    take(small, "sky.example")
    with pytest.raises(ShardError, match="has datasets = "):
        opened(small).load_state_dict(state)


def test_a_reader_keeps_the_numbers_of_samples_and_tells_which_were_taken_down(small: Path) -> None:
    gone = take(small, "sky.example")
    reader = DatasetReader(small)
    assert gone and len(reader) == len(DatasetReader(small_dataset())) == 6
    assert {f"{number:010d}" for number, removed in enumerate(reader.removed()) if removed} == gone
    for number, removed in enumerate(reader.removed().tolist()):
        if removed:
            assert reader.segment(number) is None
            with pytest.raises(ShardError, match="was taken down; `removed"):
                reader.read(number)
        else:
            assert reader.read(number)[0].key == f"{number:010d}"


def test_of_a_sample_that_was_taken_down_nothing_is_read(small: Path) -> None:
    gone = take(small, "sky.example")
    for path in small.glob("*.tar"):
        path.unlink()
    assert DatasetReader(small).segment(int(min(gone))) is None


def test_a_trainer_that_runs_follows_where_samples_moved_to(dataset: Path) -> None:
    """It has opened the dataset, and no shard yet: their samples lie elsewhere now than its index says."""
    running, reader = opened(dataset), DatasetReader(dataset)
    gone = take(dataset)
    assert all(same(old, new) for old, new in zip(list(opened(dataset)), list(running), strict=True))
    last = max(number for number in range(len(reader)) if f"{number:010d}" not in gone)
    assert last > int(min(gone)) and reader.read(last)[0].key == f"{last:010d}"
    assert reader.segment(int(min(gone))) is None


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists a process's files")
def test_a_reader_that_follows_leaves_no_file_open_that_was_replaced(dataset: Path) -> None:
    reader = DatasetReader(dataset)
    reader.read(0)
    gone = take(dataset)
    reader.read(max(number for number in range(len(reader)) if f"{number:010d}" not in gone))
    open_files = [path.readlink().name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not [name for name in open_files if name.startswith("shard-") and name.endswith("(deleted)")]


def test_a_trainer_that_runs_goes_on_with_the_files_that_it_has_open(small: Path) -> None:
    whole = list(opened(small_dataset()))
    running = opened(small)
    assert all(same(old, new) for old, new in zip(whole, list(running), strict=True))
    take(small, "sky.example")
    assert all(same(old, new) for old, new in zip(whole, list(running), strict=True))
    assert not all(same(old, new) for old, new in zip(whole, list(opened(small)), strict=True))


def test_inspection_counts_what_is_left_and_says_what_is_gone(small: Path) -> None:
    gone = take(small, "sky.example", "workshop.example")
    found = inspect(small)
    keys = found.opened.rows["key"].to_pylist()
    assert len(keys) == 6 - len(gone) and not set(keys) & set(gone)
    assert found.record.key not in gone
    assert found.as_plain()["sums"]["num_images"] == DatasetReader(small).manifest.num_images
    with pytest.raises(ShardError, match="was taken down"):
        inspect(small, min(gone))


def test_inspection_of_a_dataset_that_lost_everything_says_so(small: Path) -> None:
    take(small, *sorted({DatasetReader(small).read(number)[0].url.split("/")[2] for number in range(6)}))  # type: ignore[union-attr]
    with pytest.raises(ShardError, match="no sample left: all were taken down"):
        inspect(small)
