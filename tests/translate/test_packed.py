"""Packed rows: webdataset opens them, and they hold every token and image of the dataset once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import webdataset as wds
from fixtures_build import build_small, records, sample_dataset, whole_documents
from fixtures_translate import export, files, sha256s

from interleave.errors import RecipeError, ShardError
from interleave.stream.dataset import StreamingDataset
from interleave.stream.reader import DatasetReader

# webdataset leaves the tars that it read to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    shards = sorted(map(str, folder.glob("*.tar")))
    return list(wds.WebDataset(shards, shardshuffle=False).decode("pil"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "tars"
    export("packed", sample_dataset(), folder, "--seed", "7", "--max-bytes", "1000000")
    return folder


def test_rows_are_those_of_the_loader(exported: Path) -> None:
    batches = list(StreamingDataset(sample_dataset(), seed=7, images="bytes"))
    rows = rows_of(exported)
    assert len(rows) == len(batches) and len(list(exported.glob("*.tar"))) > 1
    for row, batch in zip(rows, batches, strict=True):
        assert row["input_ids.npy"].dtype == np.int32
        for name in ("input_ids", "labels", "position_ids", "segment_ids"):
            assert (row[f"{name}.npy"] == batch[name][0].numpy()).all()
        assert row["json"]["keys"] == batch["keys"][0]


def test_every_sample_and_image_is_in_one_row(exported: Path) -> None:
    rows = rows_of(exported)
    keys = Counter(key for row in rows for key in row["json"]["keys"])
    assert keys == Counter(record.key for record, _, _ in records(sample_dataset()))
    stored = dict(path_members(exported))
    found = Counter(sha256s([stored[name] for row in rows for name in row["json"]["images"]]))
    assert found == Counter(digest for _, _, jpegs in records(sample_dataset()) for digest in sha256s(jpegs))


def path_members(folder: Path) -> list[tuple[str, bytes]]:
    from fixtures_build import tar_members

    return [member for path in sorted(folder.glob("*.tar")) for member in tar_members(path)]


def test_the_json_says_where_segments_and_images_are(exported: Path) -> None:
    for row in rows_of(exported):
        said, segments = row["json"], row["segment_ids.npy"]
        borders = np.flatnonzero(np.diff(segments, prepend=0, append=0)).tolist()
        assert sorted({*said["cu_seqlens"]}) == sorted({*borders, 0})
        for start, length in zip(said["image_starts"], said["image_tokens"], strict=True):
            assert (row["input_ids.npy"][start : start + length] == said["placeholder"]).all()
            assert (row["labels.npy"][start : start + length] == -100).all()
        assert len(said["segment_weights"]) == len(said["sources"]) == len(said["doc_ids"]) == segments.max()


def test_rows_have_no_more_images_than_they_may(tmp_path: Path) -> None:
    most = max(len(jpegs) for _, _, jpegs in records(sample_dataset()))
    export("packed", sample_dataset(), tmp_path / "tars", "--max-images", str(most))
    rows = rows_of(tmp_path / "tars")
    assert max(len(row["json"]["images"]) for row in rows) <= most
    assert sum(len(row["json"]["keys"]) for row in rows) == len(DatasetReader(sample_dataset()))
    with pytest.raises(ShardError, match="max_images"):
        export("packed", sample_dataset(), tmp_path / "fewer", "--max-images", str(most - 1))


def test_rows_of_many_small_images_have_no_more_than_they_may(tmp_path: Path) -> None:
    build_small(tmp_path / "six", "encode.tokens_per_image=10")
    for name, options in (("any", ()), ("few", ("--max-images", "5"))):
        export("packed", tmp_path / "six", tmp_path / name, *options)
    assert max(len(row["json"]["images"]) for row in rows_of(tmp_path / "any")) > 5
    assert max(len(row["json"]["images"]) for row in rows_of(tmp_path / "few")) <= 5


def test_whole_documents_are_cut_to_the_length_asked_for(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="--seq-len"):
        export("packed", whole_documents(), tmp_path / "a")
    export("packed", whole_documents(), tmp_path / "b", "--seq-len", "1500", "--max-images", "2")
    rows = rows_of(tmp_path / "b")
    assert {len(row["input_ids.npy"]) for row in rows} == {1500}
    tokens = sum(row["json"]["cu_seqlens"][-1] for row in rows)
    assert tokens == DatasetReader(whole_documents()).num_tokens().sum()


def test_the_same_dataset_gives_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    export("packed", sample_dataset(), tmp_path / "tars", "--seed", "7", "--max-bytes", "1000000")
    assert files(tmp_path / "tars") == files(exported)
