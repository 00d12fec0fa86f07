"""The loader: batches, ranks and workers, resuming; and other readers of the same shards."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from fixtures_build import (
    TIMEOUT_S,
    copy_of,
    manifest_of,
    records,
    sample_dataset,
    small_dataset,
    tar_members,
    whole_documents,
)
from torch.utils.data import DataLoader

from interleave import StreamingDataset
from interleave.errors import ShardError
from interleave.stream.reader import DatasetReader

# Keys of the samples in a row, and its ids.
Row = tuple[tuple[str, ...], tuple[int, ...]]

# From Python 3.12 on, and on machines with one core.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]


def opened(folder: Path | None = None, **options: Any) -> StreamingDataset:
    options = {"window": 12, "images": "bytes", "batch_size": 2, "rank": 0, "world_size": 1} | options
    return StreamingDataset(folder or sample_dataset(), **options)


def rows_of(batch: dict[str, Any]) -> list[Row]:
    rows = zip(batch["keys"], batch["input_ids"], strict=True)
    # A rank for which there is none has a row of padding.
    return [(tuple(keys), tuple(ids.tolist())) for keys, ids in rows if keys]


def epoch(dataset: StreamingDataset, num_workers: int = 0) -> list[dict[str, Any]]:
    return list(DataLoader(dataset, batch_size=None, num_workers=num_workers))


def merged(ranks: Iterable[list[dict[str, Any]]]) -> list[Row]:
    """The rows of all ranks in global order: a batch of each rank in turn."""
    rounds = itertools.zip_longest(*ranks)
    return [row for batches in rounds for batch in batches if batch is not None for row in rows_of(batch)]


def all_rows(**options: Any) -> list[Row]:
    return merged([epoch(opened(**options))])


# Batches


def test_a_batch_has_the_shapes_that_are_documented() -> None:
    batch = next(iter(opened(images="nchw")))
    for name in ("input_ids", "labels", "segment_ids", "position_ids"):
        assert batch[name].shape == (2, 4096) and batch[name].dtype == torch.int64
    for name in ("image_rows", "image_starts", "image_tokens"):
        assert batch[name].shape == (len(batch["images"]),)
    for image in batch["images"]:
        assert image.dtype == torch.uint8 and image.shape[0] == 3 and min(image.shape[1:]) <= 336


def test_images_padding_and_the_first_token_of_a_segment_are_not_learned() -> None:
    for batch in epoch(opened()):
        ids, labels, segments = (batch[name].numpy() for name in ("input_ids", "labels", "segment_ids"))
        ignored = (segments == 0) | (ids == -200) | ((batch["position_ids"].numpy() == 0) & (segments > 0))
        assert (labels[ignored] == -100).all()
        assert (labels[~ignored] == ids[~ignored]).all()
        assert (~ignored).any()


def test_each_image_stands_where_the_batch_says() -> None:
    for batch in epoch(opened()):
        at = zip(
            batch["image_rows"].tolist(), batch["image_starts"].tolist(), batch["image_tokens"].tolist(), strict=True
        )
        covered = np.zeros(batch["input_ids"].shape, dtype=np.bool_)
        for row, start, num_tokens in at:
            assert num_tokens == 576
            assert not covered[row, start : start + num_tokens].any()
            covered[row, start : start + num_tokens] = True
        assert np.array_equal(covered, batch["input_ids"].numpy() == -200)
        assert len(batch["images"]) == len(batch["image_rows"])


def test_positions_begin_again_in_each_segment_and_count_up() -> None:
    for batch in epoch(opened()):
        for segments, positions in zip(batch["segment_ids"], batch["position_ids"], strict=True):
            for number in range(1, int(segments.max()) + 1):
                inside = positions[segments == number]
                assert torch.equal(inside, torch.arange(len(inside)))


def test_each_image_goes_with_the_sample_that_it_belongs_to() -> None:
    expected = {record.key: jpegs for record, _, jpegs in records(sample_dataset())}
    for batch in epoch(opened()):
        in_order = [jpeg for keys in batch["keys"] for key in keys for jpeg in expected[key]]
        assert batch["images"] == in_order


def test_an_epoch_holds_every_sample_once_and_little_padding() -> None:
    rows = all_rows(window=1000)
    keys = [key for row, _ in rows for key in row]
    assert sorted(keys) == [record.key for record, _, _ in records(sample_dataset())]
    num_tokens = manifest_of(sample_dataset())["num_tokens"]
    assert len(rows) <= 1.15 * num_tokens / 4096 + 1


def test_padding_is_the_id_that_was_asked_for() -> None:
    batch = next(iter(opened(padding=31999)))
    assert (batch["input_ids"][batch["segment_ids"] == 0] == 31999).all()


# Ranks and workers


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_ranks_and_workers_see_each_sample_once_in_one_global_order(world_size: int, num_workers: int) -> None:
    ranks = [epoch(opened(batch_size=1, rank=rank, world_size=world_size), num_workers) for rank in range(world_size)]
    rows = merged(ranks)
    assert rows == all_rows(batch_size=1)
    keys = [key for row, _ in rows for key in row]
    assert len(keys) == len(set(keys)) == len(DatasetReader(sample_dataset()))


def test_the_batch_size_changes_no_order() -> None:
    assert all_rows(batch_size=1) == all_rows(batch_size=3)


def test_with_drop_last_every_rank_has_equally_many_full_batches() -> None:
    ranks = [epoch(opened(rank=rank, world_size=3, drop_last=True)) for rank in range(3)]
    assert len({len(rank) for rank in ranks}) == 1 and ranks[0]
    assert all(len(batch["keys"]) == 2 for rank in ranks for batch in rank)
    rows = merged(ranks)
    assert rows == all_rows()[: len(rows)] and len(all_rows()) - len(rows) < 6


def test_rank_and_world_size_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    dataset = StreamingDataset(sample_dataset())
    assert (dataset.rank, dataset.world_size) == (1, 2)
    with pytest.raises(ValueError, match="rank 2 is not in a world of 2"):
        opened(rank=2, world_size=2)
    with pytest.raises(ValueError, match="together"):
        opened(rank=0, world_size=None)


def test_epochs_differ_and_each_is_repeatable() -> None:
    dataset = opened()
    first = merged([epoch(dataset)])
    dataset.set_epoch(1)
    second = merged([epoch(dataset)])
    assert first != second
    assert sorted(key for row, _ in first for key in row) == sorted(key for row, _ in second for key in row)
    dataset.set_epoch(0)
    assert merged([epoch(dataset)]) == first == all_rows()
    assert all_rows(seed=1) != first
    assert all_rows(shuffle=False, window=1)[0][0] == ("0000000000",)


# Resuming


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_the_state_of_every_batch_resumes_on_any_world_with_the_rows_that_are_left(world_size: int) -> None:
    rows = all_rows(batch_size=1)
    batches = epoch(opened(batch_size=1, rank=world_size - 1, world_size=world_size))
    assert len(batches) >= 5
    for number, batch in enumerate(batches, start=1):
        for other in (1, 2, 4) if number % 3 == 1 else (2,):
            ranks = []
            for rank in range(other):
                dataset = opened(batch_size=1, rank=rank, world_size=other)
                dataset.load_state_dict(batch["state"])
                ranks.append(list(dataset))
            assert merged(ranks) == rows[number * world_size :]


def test_a_state_goes_through_json_and_resumes_in_its_epoch() -> None:
    dataset = opened()
    dataset.set_epoch(3)
    batches = list(dataset)
    resumed = opened()
    resumed.load_state_dict(orjson.loads(orjson.dumps(batches[2]["state"])))
    assert resumed.epoch == 3
    assert merged([list(resumed)]) == merged([batches[3:]])


def test_with_workers_that_read_ahead_the_state_in_the_batch_is_the_one_to_resume_from() -> None:
    batches = DataLoader(opened(), batch_size=None, num_workers=2)
    reading = iter(batches)
    taken = [next(reading) for _ in range(3)]
    del reading
    resumed = opened()
    resumed.load_state_dict(taken[-1]["state"])
    assert merged([taken + epoch(resumed, 2)]) == all_rows()


def test_the_state_of_the_dataset_itself_is_the_one_behind_the_last_batch() -> None:
    dataset = opened()
    reading = iter(dataset)
    batch = next(reading)
    assert dataset.state_dict() == batch["state"]


def test_behind_the_last_batch_nothing_is_left_and_the_next_epoch_is_whole() -> None:
    resumed = opened()
    resumed.load_state_dict(epoch(opened())[-1]["state"])
    assert list(resumed) == []
    resumed.set_epoch(1)
    assert len({key for batch in resumed for keys in batch["keys"] for key in keys}) == 44


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"seed": 1}, "seed"),
        ({"shuffle": False}, "shuffle"),
        ({"seq_len": 8192}, "seq_len"),
        ({"window": 13}, "window"),
    ],
)
def test_a_state_of_other_settings_is_refused_by_their_name(options: dict[str, Any], name: str) -> None:
    state = next(iter(opened()))["state"]
    with pytest.raises(ShardError, match=f"the state to resume has {name} = "):
        opened(**options).load_state_dict(state)


def test_a_state_of_another_dataset_or_version_is_refused() -> None:
    state = next(iter(opened()))["state"]
    with pytest.raises(ShardError, match="has datasets = "):
        opened(small_dataset()).load_state_dict(state)
    with pytest.raises(ShardError, match="has version = 99"):
        opened().load_state_dict(state | {"version": 99})
    with pytest.raises(ShardError, match="has version = None"):
        opened().load_state_dict({})


# Whole documents


@pytest.mark.parametrize("seq_len", [1200, 2048, 4096])
def test_whole_documents_are_cut_to_any_length_without_a_loss(seq_len: int) -> None:
    whole = {record.key: (ids, jpegs) for record, ids, jpegs in records(whole_documents())}
    found: dict[str, list[tuple[int, ...]]] = {}
    num_images = 0
    for batch in opened(whole_documents(), seq_len=seq_len, shuffle=False, window=1, batch_size=1):
        num_images += len(batch["images"])
        ids, segments = batch["input_ids"][0], batch["segment_ids"][0]
        assert ids.shape == (seq_len,)
        for number, key in enumerate(batch["keys"][0], start=1):
            found.setdefault(key, []).append(tuple(ids[segments == number].tolist()))
    assert num_images == sum(len(jpegs) for _, jpegs in whole.values())
    for key, (ids, _) in whole.items():
        text = [token for part in found[key] for token in part if token != -200]
        # Parts of one document may come in any order within a window.
        assert sorted(text) == sorted(token for token in ids.tolist() if token != -200)
    assert max(map(len, found.values())) > 1


def test_the_loader_cuts_where_a_build_would_have_cut() -> None:
    from_build = {(record.doc_id, record.part): tuple(ids.tolist()) for record, ids, _ in records(sample_dataset())}
    from_loader = set()
    for batch in opened(whole_documents(), seq_len=4096, batch_size=1):
        for number in range(1, len(batch["keys"][0]) + 1):
            ids = batch["input_ids"][0][batch["segment_ids"][0] == number].tolist()
            from_loader.add(tuple(token for token in ids if token != -200))
    assert from_loader == {tuple(token for token in ids if token != -200) for ids in from_build.values()}


def test_whole_documents_need_a_length_and_cut_samples_a_row_that_holds_them() -> None:
    with pytest.raises(ShardError, match=r"say how long a row is: seq_len=4096"):
        opened(whole_documents())
    with pytest.raises(ShardError, match=r"do not fit seq_len=1,024"):
        opened(seq_len=1024)


def test_a_row_may_be_longer_than_the_context_of_the_dataset() -> None:
    assert len(all_rows(seq_len=8192)) < len(all_rows())


def test_a_row_too_short_for_one_image_is_refused_before_training_begins() -> None:
    with pytest.raises(ShardError, match="576"):
        opened(whole_documents(), seq_len=500)


# Other readers of the same folder


# webdataset leaves the closing of its files to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_opens_the_shards_as_they_are() -> None:
    import webdataset

    dataset = sample_dataset()
    samples = list(webdataset.WebDataset([str(path) for path in sorted(dataset.glob("*.tar"))], shardshuffle=False))
    expected = {record.key: (record, jpegs) for record, _, jpegs in records(dataset)}
    assert [sample["__key__"] for sample in samples] == list(expected)
    for sample in samples:
        record, jpegs = expected[sample["__key__"]]
        assert [sample[f"{at:02d}.jpg"] for at in range(len(jpegs))] == list(jpegs)
        assert orjson.loads(sample["json"])["doc_id"] == record.doc_id
        assert sample["input_ids.npy"][:6] == b"\x93NUMPY"
        assert len([name for name in sample if name.endswith(".jpg")]) == len(jpegs)


def test_datasets_sees_every_column_and_every_image(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    script = (
        "import sys, datasets, orjson\n"
        "loaded = datasets.load_dataset(sys.argv[1], split='train', streaming=True)\n"
        "columns = sorted(loaded.features)\n"
        "rows = [{n: v is not None for n, v in row.items()} for row in loaded.cast_column('00.jpg', "
        "datasets.Image(decode=False))]\n"
        "print(orjson.dumps([columns, rows]).decode())"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HF_DATASETS_OFFLINE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", script, str(sample_dataset())],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    columns, rows = orjson.loads(ran.stdout.splitlines()[-1])
    num_images = [len(jpegs) for _, _, jpegs in records(sample_dataset())]
    images = [f"{at:02d}.jpg" for at in range(max(num_images))]
    assert columns == sorted(["__key__", "__url__", "json", "input_ids.npy", *images])
    assert [sum(row[name] for name in images) for row in rows] == num_images


def test_the_wids_index_gives_the_exact_number_of_samples_of_each_shard() -> None:
    dataset = sample_dataset()
    meta = orjson.loads((dataset / "wids-meta.json").read_bytes())
    assert meta["wids_version"] == 1
    for entry in meta["shardlist"]:
        keys = {name.partition(".")[0] for name, _ in tar_members(dataset / entry["url"])}
        assert (entry["nsamples"], entry["filesize"]) == (len(keys), (dataset / entry["url"]).stat().st_size)
    assert [entry["url"] for entry in meta["shardlist"]] == [path.name for path in sorted(dataset.glob("*.tar"))]


def test_a_dataset_that_was_moved_streams_the_same(tmp_path: Path) -> None:
    moved = copy_of(small_dataset(), tmp_path / "moved" / "elsewhere")
    assert merged([epoch(opened(moved))]) == merged([epoch(opened(small_dataset()))])


@pytest.mark.parametrize(
    "wrong", [{"seq_len": 0}, {"batch_size": 0}, {"window": -1}, {"max_images": 0}, {"padding": 2**40}]
)
def test_a_size_that_is_none_is_refused_at_once(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is .*expected"):
        StreamingDataset(sample_dataset(), **wrong)


def test_rows_hold_no_more_images_than_are_asked_for(tmp_path: Path) -> None:
    data = StreamingDataset(whole_documents(), seq_len=4096, max_images=3, images="bytes")
    batches = list(data)
    assert max(len(batch["images"]) for batch in batches) == 3
    assert sum(len(batch["images"]) for batch in batches) == data.reader.manifest.num_images
    other = StreamingDataset(whole_documents(), seq_len=4096, max_images=4, images="bytes")
    with pytest.raises(ShardError, match="max_images = 3, this loader has 4"):
        other.load_state_dict(batches[0]["state"])
