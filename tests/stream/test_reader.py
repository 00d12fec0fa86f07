"""Random access to samples by the index, and what a damaged dataset says."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fixtures_build import (
    RECIPE,
    build_small,
    copy_of,
    edit_shard,
    manifest_of,
    sample_dataset,
    small_dataset,
    tar_members,
    whole_documents,
)

from interleave.encode.tokenizer import find_tokenizer, load_tokenizer
from interleave.errors import ShardError
from interleave.recipe_file import load_recipe
from interleave.sample import read_ids
from interleave.stream.reader import DatasetReader


def test_a_sample_by_the_index_is_what_lies_in_the_tar() -> None:
    dataset = sample_dataset()
    in_tars = dict(member for path in sorted(dataset.glob("*.tar")) for member in tar_members(path))
    reader = DatasetReader(dataset)
    assert len(reader) == manifest_of(dataset)["num_samples"]
    num_members = 0
    for number in range(len(reader)):
        record, ids, jpegs = reader.read(number)
        assert record.key == f"{number:010d}"
        assert np.array_equal(ids, read_ids(in_tars[f"{record.key}.input_ids.npy"]))
        assert list(jpegs) == [in_tars[name] for name in record.image_members]
        num_members += 2 + len(jpegs)
    assert num_members == len(in_tars)


def test_ids_without_placeholders_decode_to_the_texts() -> None:
    tokenizer = load_tokenizer(find_tokenizer(load_recipe(RECIPE).tokenizer))
    reader = DatasetReader(whole_documents())
    for number in range(len(reader)):
        record, ids, _ = reader.read(number)
        runs: list[str] = [""]
        for text in record.texts:
            if text is None:
                runs.append("")
            else:
                runs[-1] = f"{runs[-1]} {text}" if runs[-1] else text
        pieces = np.split(ids[1:-1], [start - 1 for start, _ in record.spans])
        decoded = [tokenizer.decode([int(token) for token in piece if token >= 0]).strip() for piece in pieces]
        assert [text for text in decoded if text] == [text for text in runs if text]


def test_the_index_knows_tokens_as_the_model_counts_them() -> None:
    reader = DatasetReader(sample_dataset())
    for number, num_tokens in enumerate(reader.num_tokens().tolist()):
        record, ids, jpegs = reader.read(number)
        assert num_tokens == len(ids) + 575 * len(jpegs)
        assert record.span_tokens == (576,) * len(jpegs)


def test_a_segment_is_a_slice_with_the_images_that_stand_in_it() -> None:
    reader = DatasetReader(whole_documents())
    number = int(np.argmax(reader.num_tokens()))
    record, ids, jpegs = reader.read(number)
    middle = record.spans[5][0]
    halves = [reader.segment(number, 0, middle), reader.segment(number, middle, len(ids))]
    assert np.array_equal(np.concatenate([half.token_ids for half in halves]), ids)
    assert halves[0].images + halves[1].images == jpegs and len(halves[0].images) == 5
    assert halves[1].span_starts[0] == 0
    for half in halves:
        assert (half.token_ids[half.span_starts] == -200).all()
        assert not half.loss_mask[half.span_starts].any()


def test_a_reader_can_be_sent_to_a_worker() -> None:
    reader = DatasetReader(small_dataset())
    sent = pickle.loads(pickle.dumps(reader))
    assert sent.read(3)[0] == reader.read(3)[0]
    assert sent.digest == reader.digest


def test_the_digest_tells_datasets_apart_but_not_their_folders(tmp_path: Path) -> None:
    first = DatasetReader(small_dataset()).digest
    assert DatasetReader(copy_of(small_dataset(), tmp_path / "other")).digest == first
    build_small(tmp_path / "six", "seed=1")
    assert DatasetReader(tmp_path / "six").digest != first


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    (dataset / "manifest.json").unlink()
    with pytest.raises(ShardError, match=r"no finished dataset.*a build writes it last"):
        DatasetReader(dataset)


def test_a_folder_of_splits_names_the_datasets_in_it(tmp_path: Path) -> None:
    build_small(tmp_path / "six", "splits={val: 0.5}")
    with pytest.raises(ShardError, match="it holds the datasets train, val"):
        DatasetReader(tmp_path / "six")


def test_a_shard_that_is_cut_off_is_named(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    shard = dataset / "shard-0001.tar"
    shard.write_bytes(shard.read_bytes()[:2000])
    reader = DatasetReader(dataset)
    with pytest.raises(ShardError, match=r"shard-0001\.tar is cut off"):
        reader.read(len(reader) - 1)


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    (dataset / "shard-0000.tar").unlink()
    with pytest.raises(ShardError, match=r"shard-0000\.tar: No such file"):
        DatasetReader(dataset).read(0)


def test_an_index_of_another_dataset_is_refused(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    (dataset / "index.arrow").write_bytes((sample_dataset() / "index.arrow").read_bytes())
    with pytest.raises(ShardError, match="the index has 44 samples, the manifest"):
        DatasetReader(dataset)


@pytest.mark.parametrize("damage", ["noise", "cut off", "other columns", "missing"])
def test_a_damaged_index_is_a_clear_error(tmp_path: Path, damage: str) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    index = dataset / "index.arrow"
    whole = index.read_bytes()
    if damage == "noise":
        index.write_bytes(b"not arrow" * 100)
    elif damage == "cut off":
        index.write_bytes(whole[: len(whole) // 2])
    elif damage == "missing":
        index.unlink()
    else:
        schema = pa.schema([("key", pa.string())])
        with pa.OSFile(str(index), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            writer.write_batch(pa.RecordBatch.from_pylist([{"key": "0"}], schema=schema))
    with pytest.raises(ShardError, match=r"index\.arrow"):
        DatasetReader(dataset)


def test_a_sample_that_is_not_the_one_the_index_means_is_refused(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")

    def renamed(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        (name, data), *others = members
        return [(name, data.replace(b'"key":"0000000000"', b'"key":"0000000009"')), *others]

    edit_shard(dataset, renamed)
    with pytest.raises(ShardError, match=r"shard-0000\.tar: sample 0000000000: found sample 0000000009"):
        DatasetReader(dataset).read(0)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists a process's files")
def test_many_reads_open_each_shard_once() -> None:
    reader = DatasetReader(sample_dataset())
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(len(reader)):
        reader.read(number)
    assert len(list(Path("/proc/self/fd").iterdir())) - before == 2
