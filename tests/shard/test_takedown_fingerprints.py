"""Fingerprints of what was taken down go, and those that stay name the documents that they named before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures_build import copy_of, manifest_of, records, sample_dataset
from hypothesis import given
from hypothesis import strategies as st

from interleave.executors import InProcess
from interleave.shard.takedown import take_down
from interleave.shard.takedown_fingerprints import FINGERPRINT_FILES, count_fingerprints, forget_fingerprints
from interleave.shard.takedown_request import read_request

DOCUMENTS = pa.schema([("id", pa.binary(16)), ("shingles", pa.binary())], metadata={b"fingerprints": b"7"})
IMAGES = pa.schema([("document", pa.int32()), ("image", pa.int32()), ("sha256", pa.binary(32)), ("phash", pa.uint64())])


def named(folder: Path) -> tuple[list[str], list[tuple[str, int, bytes]]]:
    """Ids of the documents, and of each image its document's id, its index and its hash."""
    ids = [doc_id.hex() for doc_id in pq.read_table(folder / FINGERPRINT_FILES[0])["id"].to_pylist()]
    images = pq.read_table(folder / FINGERPRINT_FILES[1]).to_pylist()
    return ids, [(ids[row["document"]], row["image"], row["sha256"]) for row in images]


def write(folder: Path, num_images: list[int], rows_per_group: int) -> list[str]:
    """Both tables, for documents with so many images; their ids."""
    ids = [bytes([number + 1]) * 16 for number in range(len(num_images))]
    documents = [{"id": doc_id, "shingles": doc_id * 3} for doc_id in ids]
    images = [
        {
            "document": document,
            "image": image,
            "sha256": bytes([document, image]) * 16,
            "phash": document * 1000 + image,
        }
        for document, number in enumerate(num_images)
        for image in range(number)
    ]
    (folder / "fingerprints").mkdir(parents=True)
    for name, rows, schema in zip(FINGERPRINT_FILES, (documents, images), (DOCUMENTS, IMAGES), strict=True):
        table = pa.Table.from_pylist(rows, schema=schema)
        pq.write_table(table, folder / name, row_group_size=rows_per_group)
    return [doc_id.hex() for doc_id in ids]


@given(
    num_images=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    gone=st.sets(st.integers(0, 11)),
    rows_per_group=st.integers(1, 5),
)
def test_what_stays_is_what_was_there_without_what_goes(
    tmp_path_factory: pytest.TempPathFactory, num_images: list[int], gone: set[int], rows_per_group: int
) -> None:
    folder = tmp_path_factory.mktemp("fingerprints")
    ids = write(folder / "old", num_images, rows_per_group)
    documents = {ids[number] for number in gone if number < len(ids)} | {"ff" * 16}
    before = named(folder / "old")
    counts = count_fingerprints(folder / "old", documents)
    forget_fingerprints(folder / "old", folder / "new", documents)
    after = named(folder / "new")
    assert after[0] == [doc_id for doc_id in before[0] if doc_id not in documents]
    assert after[1] == [image for image in before[1] if image[0] not in documents]
    assert list(counts.values()) == [len(old) - len(new) for old, new in zip(before, after, strict=True)]


def test_the_version_of_the_fingerprints_stays_written_in_them(tmp_path: Path) -> None:
    ids = write(tmp_path / "old", [1, 2], 5)
    forget_fingerprints(tmp_path / "old", tmp_path / "new", ids[:1])
    metadata: dict[bytes, Any] = pq.read_schema(tmp_path / "new" / FINGERPRINT_FILES[0]).metadata
    assert metadata[b"fingerprints"] == b"7"


def test_a_dataset_forgets_the_fingerprints_of_what_went(tmp_path: Path) -> None:
    dataset = copy_of(sample_dataset(), tmp_path / "mmc4")
    gone = {record.doc_id for record, _, _ in records(dataset) if "//school.example/" in (record.url or "")}
    before = named(dataset)
    assert gone < set(before[0])
    with InProcess() as executor:
        take_down(dataset, read_request(domains=["school.example"]), executor, quiet=True)
    after = named(dataset)
    assert after[0] == [doc_id for doc_id in before[0] if doc_id not in gone]
    assert after[1] == [image for image in before[1] if image[0] not in gone] != before[1]
    assert set(FINGERPRINT_FILES) <= manifest_of(dataset)["files"].keys()
