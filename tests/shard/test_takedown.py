"""Take-downs: what was asked for is gone from every file, and all else is what it was."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from fixtures_build import (
    SAMPLE,
    TIMEOUT_S,
    build_small,
    built_files,
    copy_of,
    ledger,
    manifest_of,
    records,
    sample_dataset,
    small_dataset,
    tar_members,
)

from interleave.access.blocklist import read_blocklists
from interleave.errors import RecipeError, ShardError, TaskError
from interleave.executors import InProcess, ProcessPool
from interleave.sample import Record
from interleave.shard.index import read_index
from interleave.shard.takedown import Takedown, take_down
from interleave.shard.takedown_request import read_request
from interleave.shard.takedown_swap import alone
from interleave.validate.dataset import validate

RECORD = "takedowns.txt"
HARBOUR = "https://harbour.example/signal-flags"


def taken(dataset: Path, dry_run: bool = False, **asked: list[str]) -> Takedown:
    with InProcess() as executor:
        return take_down(dataset, read_request(**asked), executor, dry_run=dry_run, quiet=True)


def is_sound(dataset: Path) -> bool:
    with InProcess() as executor:
        return validate(dataset, executor, quiet=True).is_sound


def members(dataset: Path) -> dict[str, bytes]:
    return dict(member for path in sorted(dataset.glob("*.tar")) for member in tar_members(path))


def keys(dataset: Path) -> set[str]:
    return {name.partition(".")[0] for name in members(dataset)}


def by_key(dataset: Path) -> dict[str, Record]:
    return {record.key: record for record, _, _ in records(dataset)}


def sealed(dataset: Path) -> dict[str, str]:
    return {name: sha256 for name, sha256 in built_files(dataset).items() if name != RECORD}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return copy_of(small_dataset(), tmp_path / "six")


@pytest.fixture
def large(tmp_path: Path) -> Path:
    return copy_of(sample_dataset(), tmp_path / "mmc4")


# What goes


def test_a_document_goes_with_all_its_parts_and_nothing_else_changes(large: Path) -> None:
    before, parts = members(large), {key for key, record in by_key(large).items() if record.url == HARBOUR}
    assert len(parts) == 3
    found = taken(large, urls=["HTTPS://Harbour.example:443/signal-flags#top"])
    assert {hit.key for hit in found.samples} == parts and found.num_documents == 1
    after = members(large)
    assert after == {name: data for name, data in before.items() if name.partition(".")[0] not in parts}
    assert is_sound(large)


def test_an_image_takes_the_samples_that_hold_it_but_not_the_other_parts_of_their_document(large: Path) -> None:
    url = "https://harbour.example/img/flag-f.jpg"
    holding = {key for key, record in by_key(large).items() if url in [info["url"] for info in record.image_info]}
    assert len(holding) == 1
    assert {hit.key for hit in taken(large, urls=[url]).samples} == holding
    assert keys(large) == keys(sample_dataset()) - holding
    assert is_sound(large)


def test_a_domain_takes_documents_and_images_below_it(large: Path) -> None:
    meant = {
        key
        for key, record in by_key(large).items()
        if "//school.example/" in "".join([record.url or "", *(info["url"] for info in record.image_info)])
    }
    assert len(meant) > 2
    taken(large, domains=["School.Example"])
    assert keys(large) == keys(sample_dataset()) - meant


def test_an_image_is_meant_by_the_hash_of_the_sources_bytes(dataset: Path) -> None:
    record = by_key(dataset)["0000000003"]
    (info,) = record.image_info
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (SAMPLE / "images").rglob("*.*")}
    sha256 = info["sha256"]
    assert sha256 in hashes
    taken(dataset, sha256=[sha256.upper()])
    assert keys(dataset) == keys(small_dataset()) - {"0000000003"}


def test_nothing_of_what_went_is_left_in_any_file_but_ids_and_what_was_asked(dataset: Path) -> None:
    key = "0000000001"
    record = by_key(dataset)[key]
    before = members(dataset)
    hashes = [info["sha256"] for info in record.image_info]
    measured = [row for row in _measured(dataset) if row["doc_id"] == record.doc_id]
    assert {row.get("sha256") for row in measured} >= set(hashes)
    taken(dataset, urls=[record.url or ""])
    texts = [text.encode() for text in record.texts if text]
    jpegs = [before[name] for name in record.image_members]
    for path in dataset.rglob("*"):
        if path.is_file() and path.name != RECORD:
            data = path.read_bytes()
            assert not any(part in data for part in (*texts, *jpegs, *(sha256.encode() for sha256 in hashes))), path
    assert not [row for row in _measured(dataset) if row["doc_id"] == record.doc_id]


def _measured(dataset: Path) -> list[dict[str, Any]]:
    files = sorted(path for path in (dataset / "ledger").glob("*.parquet") if path.name != "drops.parquet")
    return [row for path in files for row in pq.read_table(path).to_pylist()]


# The ledger


def test_drops_stay_and_their_details_go_where_the_document_or_the_image_went(large: Path) -> None:
    detailed = {row["doc_id"] for row in ledger(large) if row["detail"]}
    record = next(record for record in by_key(large).values() if record.doc_id in detailed)
    before = ledger(large)
    taken(large, urls=[record.url or ""])
    after = ledger(large)
    for old, new in zip(before, after, strict=True):
        gone = old["doc_id"] == record.doc_id
        assert new == (old | {"detail": ""} if gone else old)


def test_an_image_that_was_dropped_is_forgotten_by_its_hash(large: Path) -> None:
    in_samples = {info["sha256"] for record in by_key(large).values() for info in record.image_info}
    sha256 = next(row["sha256"] for row in _measured(large) if row.get("sha256") and row["sha256"] not in in_samples)
    before = members(large)
    found = taken(large, sha256=[sha256])
    assert found.num_samples == 0 and found.num_forgotten_rows >= 1 and found.unmatched == (sha256,)
    assert members(large) == before and is_sound(large)
    assert sha256 not in [row.get("sha256") for row in _measured(large)]


# What stays as it was


def test_shards_that_are_not_concerned_are_not_touched(dataset: Path) -> None:
    before = {path.name: path.stat() for path in dataset.glob("*.tar")}
    taken(dataset, urls=[by_key(dataset)["0000000004"].url or ""])
    for path in dataset.glob("*.tar"):
        assert (path.stat().st_ino == before[path.name].st_ino) == (path.name == "shard-0000.tar")


def test_rows_of_the_index_stay_with_their_sizes_and_lose_their_place(dataset: Path) -> None:
    before = read_index(dataset / "index.arrow").to_pylist()
    taken(dataset, urls=[by_key(dataset)["0000000003"].url or ""])
    for old, new in zip(before, read_index(dataset / "index.arrow").to_pylist(), strict=True):
        place = ("offset", "num_bytes", "member_offsets", "member_bytes")
        assert all(new[name] == value for name, value in old.items() if name not in place)
        if old["key"] == "0000000003":
            assert [new[name] for name in place] == [0, 0, [], []]


def test_counts_and_hashes_of_manifest_and_sidecars_are_those_of_the_files(dataset: Path) -> None:
    urls = [by_key(dataset)[key].url or "" for key in ("0000000000", "0000000005")]
    found = taken(dataset, urls=urls)
    manifest = manifest_of(dataset)
    named = manifest["files"] | {shard["name"]: shard["sha256"] for shard in manifest["shards"]}
    assert named == {name: sha256 for name, sha256 in sealed(dataset).items() if name != "manifest.json"}
    for shard, wids in zip(
        manifest["shards"], orjson.loads((dataset / "wids-meta.json").read_bytes())["shardlist"], strict=True
    ):
        names = [name for name, _ in tar_members(dataset / shard["name"])]
        assert shard["num_samples"] == wids["nsamples"] == len({name.partition(".")[0] for name in names})
        assert shard["num_images"] == sum(name.endswith(".jpg") for name in names)
        assert shard["num_bytes"] == wids["filesize"] == (dataset / shard["name"]).stat().st_size
    assert (manifest["num_samples"], manifest["num_removed_samples"]) == (4, 2)
    whole = manifest_of(small_dataset())
    assert manifest["num_removed_images"] == found.num_images == whole["num_images"] - manifest["num_images"]
    shrunk = sum(shard["num_bytes"] for shard in whole["shards"]) - sum(s["num_bytes"] for s in manifest["shards"])
    assert found.num_bytes == shrunk
    assert "samples taken down | 2 |" in (dataset / "README.md").read_text()
    assert found.digest == sealed(dataset)["manifest.json"]


def test_several_take_downs_in_any_order_come_to_the_same_bytes(tmp_path: Path) -> None:
    urls = [record.url or "" for record in by_key(small_dataset()).values()][1:4]
    ends = []
    for number, turns in enumerate(([urls], [[url] for url in urls], [[url] for url in reversed(urls)])):
        dataset = copy_of(small_dataset(), tmp_path / str(number) / "six")
        for asked in turns:
            taken(dataset, urls=asked)
        ends.append(sealed(dataset))
    assert ends[0] == ends[1] == ends[2] != sealed(small_dataset())


def test_the_number_of_processes_changes_nothing(tmp_path: Path) -> None:
    one, two = (copy_of(small_dataset(), tmp_path / name / "six") for name in ("one", "two"))
    asked = read_request(urls=[by_key(one)[key].url or "" for key in ("0000000000", "0000000005")])
    taken(one, urls=list(asked.urls))
    with ProcessPool(2) as executor:
        take_down(two, asked, executor, quiet=True)
    assert sealed(one) == sealed(two)


# Shards that lost everything


@pytest.fixture
def emptied(dataset: Path) -> Path:
    """The first shard has no sample left."""
    taken(dataset, urls=[by_key(dataset)[key].url or "" for key in ("0000000000", "0000000001")])
    assert tar_members(dataset / "shard-0000.tar") == []
    assert is_sound(dataset)
    return dataset


# webdataset leaves the closing of its files to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_past_an_emptied_shard(emptied: Path) -> None:
    import webdataset

    found = webdataset.WebDataset([str(path) for path in sorted(emptied.glob("*.tar"))], shardshuffle=False)
    assert [sample["__key__"] for sample in found] == sorted(keys(emptied))


def test_datasets_reads_past_an_emptied_shard(emptied: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    script = (
        "import sys, datasets\nloaded = datasets.load_dataset(sys.argv[1], split='train', streaming=True)\n"
        "loaded = loaded.cast_column('00.jpg', datasets.Image(decode=False))\n"
        "print(len([row for row in loaded if row['00.jpg']]))"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub"), "HF_DATASETS_OFFLINE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", script, str(emptied)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout.strip()) == (0, "4"), ran.stderr


def test_an_emptied_shard_is_a_tar_for_everybody(emptied: Path) -> None:
    data = (emptied / "shard-0000.tar").read_bytes()
    assert data == bytes(1024)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == []


def test_a_dataset_may_lose_everything(dataset: Path) -> None:
    taken(dataset, domains=sorted({(record.url or "").split("/")[2] for record in by_key(dataset).values()}))
    assert keys(dataset) == set() and manifest_of(dataset)["num_samples"] == 0
    assert is_sound(dataset)


# Nothing, and again


def files_and_times(dataset: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(dataset.rglob("*"))}


def test_where_nothing_matches_nothing_is_written(dataset: Path) -> None:
    before = files_and_times(dataset)
    found = taken(dataset, domains=["nobody.example"], sha256=["0" * 64])
    assert (found.num_samples, found.num_forgotten_rows) == (0, 0)
    assert found.unmatched == ("0" * 64, "nobody.example")
    assert files_and_times(dataset) == before


def test_a_dry_run_says_the_same_and_writes_nothing(dataset: Path) -> None:
    url = by_key(dataset)["0000000002"].url or ""
    before = files_and_times(dataset)
    said = taken(dataset, dry_run=True, urls=[url])
    assert files_and_times(dataset) == before
    done = taken(dataset, urls=[url])
    assert (said.samples, said.num_forgotten_rows, said.num_bytes) == (
        done.samples,
        done.num_forgotten_rows,
        done.num_bytes,
    )
    assert done.num_samples == 1 and done.num_forgotten_rows > 0


def test_a_second_take_down_of_the_same_finds_nothing(dataset: Path) -> None:
    url = by_key(dataset)["0000000002"].url or ""
    taken(dataset, urls=[url])
    before = files_and_times(dataset)
    assert taken(dataset, urls=[url]).num_samples == 0
    assert files_and_times(dataset) == before


# The record


def test_the_record_is_a_blocklist_of_everything_that_was_asked(dataset: Path) -> None:
    url = by_key(dataset)["0000000002"].url or ""
    (info,) = by_key(dataset)["0000000003"].image_info
    taken(dataset, urls=[url], domains=["nobody.example"])
    taken(dataset, sha256=[info["sha256"]])
    found = read_blocklists([str(dataset / RECORD)])
    assert (found.urls, found.domains, found.sha256) == ({url}, {"nobody.example"}, {info["sha256"]})
    times = [line.split()[1] for line in (dataset / RECORD).read_text().splitlines() if "num_samples=1" in line]
    assert len(times) == 2 and all(len(time) == 20 and time.endswith("Z") for time in times)


def test_what_a_record_names_is_taken_down_from_a_dataset_that_was_built_again(dataset: Path, tmp_path: Path) -> None:
    taken(dataset, urls=[by_key(dataset)["0000000002"].url or ""], domains=["workshop.example"])
    again = copy_of(small_dataset(), tmp_path / "again" / "six")
    taken(again, files=[str(dataset / RECORD)])
    assert sealed(again) == sealed(dataset)


# Refusals


@pytest.mark.parametrize("name", ["shard-0001.tar", "index.arrow", "ledger/drops.parquet"])
def test_what_is_not_as_it_was_sealed_is_not_sealed_again(dataset: Path, name: str) -> None:
    url = by_key(dataset)["0000000005"].url or ""
    whole = bytearray((dataset / name).read_bytes())
    whole[-1100 if name.endswith(".tar") else len(whole) // 2] ^= 1
    (dataset / name).write_bytes(whole)
    before = files_and_times(dataset)
    with pytest.raises(ShardError, match=f"{name}.*nothing was changed|{name} is not the file that was sealed"):
        taken(dataset, urls=[url])
    assert _without_folder(files_and_times(dataset), dataset) == _without_folder(before, dataset)


def _without_folder(found: dict[str, tuple[int, int]], dataset: Path) -> dict[str, tuple[int, int]]:
    return {name: value for name, value in found.items() if name != str(dataset)}


def test_nothing_asked_is_refused(dataset: Path) -> None:
    with pytest.raises(RecipeError, match="give --url, --domain, --sha256 or --from"):
        taken(dataset)


def test_what_is_no_sealed_dataset_is_refused(dataset: Path, tmp_path: Path) -> None:
    (dataset / "manifest.json").unlink()
    with pytest.raises(ShardError, match="no finished dataset"):
        taken(dataset, domains=["a.example"])
    with pytest.raises(ShardError, match="no finished dataset"):
        taken(tmp_path / "nowhere", domains=["a.example"])


def test_two_take_downs_at_once_are_refused(dataset: Path) -> None:
    with alone(dataset), pytest.raises(ShardError, match="another take-down is at work"):
        taken(dataset, domains=["a.example"])


def test_a_build_does_not_seal_shards_that_were_taken_down_from(tmp_path: Path) -> None:
    build_small(tmp_path / "six")
    taken(tmp_path / "six", urls=[by_key(small_dataset())["0000000005"].url or ""])
    (tmp_path / "six" / "manifest.json").unlink()
    with pytest.raises(TaskError, match=r"takedowns\.txt says what was taken down"):
        build_small(tmp_path / "six")
    (tmp_path / "six" / "takedowns.txt").unlink()
    with pytest.raises(TaskError, match=r"shard-0001\.tar has .* bytes, .*take-down; build with --fresh"):
        build_small(tmp_path / "six")
    build_small(tmp_path / "six", fresh=True)
    assert keys(tmp_path / "six") == keys(small_dataset())
