"""Validation after a take-down: sound as it is, and not sound where something came back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from fixtures_build import copy_of, manifest_of, records, small_dataset, tar_members, write_manifest_of, write_tar

from interleave.errors import ShardError
from interleave.executors import InProcess
from interleave.files import sha256_of
from interleave.shard.index import SCHEMA, read_index, write_index
from interleave.shard.takedown import take_down
from interleave.shard.takedown_request import read_request
from interleave.validate.dataset import validate
from interleave.validate.invariants import Severity

KEY, SHARD = "0000000003", "shard-0001.tar"


def codes(path: Path) -> set[str]:
    with InProcess() as executor:
        findings = validate(path, executor, quiet=True).findings
    return {finding.code for finding in findings if finding.severity is Severity.ERROR}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    url = next(record.url for record, _, _ in records(dataset) if record.key == KEY)
    with InProcess() as executor:
        take_down(dataset, read_request(urls=[url or ""]), executor, quiet=True)
    return dataset


def seal(dataset: Path) -> None:
    """Makes checksums and sizes of the manifest right again."""
    manifest = manifest_of(dataset)
    for entry in manifest["shards"]:
        path = dataset / entry["name"]
        entry |= {"sha256": sha256_of(path), "num_bytes": path.stat().st_size}
    manifest["files"] = {name: sha256_of(dataset / name) for name in manifest["files"]}
    write_manifest_of(dataset, manifest)


def edit_rows(dataset: Path, edit: Callable[[dict[str, object]], object]) -> None:
    """Changes the row of the index of the sample that was taken down."""
    rows = read_index(dataset / "index.arrow").to_pylist()
    edit(rows[int(KEY)])
    write_index(dataset / "index.arrow", [pa.RecordBatch.from_pylist(rows, schema=SCHEMA)])
    seal(dataset)


def test_a_dataset_is_sound_after_a_take_down_and_so_are_its_tars(dataset: Path) -> None:
    assert codes(dataset) == set()
    assert codes(dataset / SHARD) == codes(dataset / "shard-0000.tar") == set()


def test_a_shard_that_came_back_is_found(dataset: Path) -> None:
    shutil.copy(small_dataset() / SHARD, dataset / SHARD)
    assert {"taken-down", "checksum", "index"} <= codes(dataset)


def test_a_member_that_came_back_is_found_where_every_checksum_was_made_right(dataset: Path) -> None:
    back = [member for member in tar_members(small_dataset() / SHARD) if member[0].startswith(KEY)]
    members = tar_members(dataset / SHARD)
    write_tar(dataset / SHARD, [*members, *back])
    seal(dataset)
    # Sidecars have sizes and checksums of shards, too.
    assert codes(dataset) == {"taken-down", "sidecar"}


def test_a_dataset_that_holds_what_its_record_names_is_found(dataset: Path, tmp_path: Path) -> None:
    """As after a build without the record among its blocklists."""
    again = copy_of(small_dataset(), tmp_path / "again" / "six")
    shutil.copy(dataset / "takedowns.txt", again)
    assert codes(again) == codes(again / SHARD) == {"taken-down"}
    assert codes(again / "shard-0000.tar") == set()


def test_a_row_of_the_index_that_leads_somewhere_again_is_found(dataset: Path) -> None:
    edit_rows(dataset, lambda row: row.update(offset=512))
    assert codes(dataset) == {"index"}
    edit_rows(dataset, lambda row: row.update(offset=0, member_offsets=[512], member_bytes=[100]))
    assert codes(dataset) == {"index"}


def test_a_row_of_the_index_that_is_there_again_is_found(dataset: Path) -> None:
    edit_rows(dataset, lambda row: row.update(num_bytes=1024))
    assert {"key-order", "index", "manifest-counts"} <= codes(dataset)


def test_a_count_of_what_was_taken_down_that_does_not_add_up_is_found(dataset: Path) -> None:
    manifest = manifest_of(dataset)
    manifest["num_removed_samples"] += 1
    write_manifest_of(dataset, manifest)
    assert codes(dataset) == {"manifest-counts"}


def test_a_record_that_cannot_be_read_is_said_to_be_so(dataset: Path) -> None:
    (dataset / "takedowns.txt").write_text("what is this\n")
    with pytest.raises(ShardError, match=r"takedowns\.txt, line 1"):
        codes(dataset)
