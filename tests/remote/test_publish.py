"""Datasets that go to an object store: whole, in order, once, and never two at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from fixtures_build import build_small, built_files, command, copy_of, sample_dataset, small_dataset

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
from fixtures_s3 import Bucket, every, s3_bucket

import interleave.remote.object_store
from interleave import Cache, StreamingDataset
from interleave.errors import InterleaveError, RecipeError, ShardError
from interleave.remote.publish import MARKS, Published, publish

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SHORT_S = 0.01


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with s3_bucket(monkeypatch) as found:
        yield found


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return copy_of(small_dataset(), tmp_path / "six")


@pytest.fixture
def another(tmp_path: Path) -> Path:
    output = tmp_path / "other" / "six"
    build_small(output, "seed=9", "shards.multiple_of=3")
    return output


def bring(folder: Path, bucket: Bucket, *, replace: bool = False, take_over: bool = False) -> Published:
    url = f"{bucket.url}/set"
    return publish(folder, url, num_workers=3, replace=replace, take_over=take_over, first_delay_s=SHORT_S)


def files_of(folder: Path) -> dict[str, bytes]:
    left_out = ("summary.json", "report.html")
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name not in left_out)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def published(bucket: Bucket) -> dict[str, bytes]:
    """What a reader would find."""
    return {name: data for name, data in bucket.objects("set/").items() if not name.startswith(MARKS)}


def test_what_lies_there_is_the_dataset_and_a_loader_reads_it(dataset: Path, bucket: Bucket, tmp_path: Path) -> None:
    found = bring(dataset, bucket)
    assert published(bucket) == files_of(dataset)
    assert found.num_files == len(files_of(dataset)) - 1 and found.num_there_before == 0

    def epoch(data: str | Path) -> list[object]:
        cache = Cache(folder=tmp_path / "cache", min_free_bytes=0)
        loader = StreamingDataset(data, cache=cache, batch_size=2, images="bytes", rank=0, world_size=1)
        return [(batch["keys"], batch["images"]) for batch in loader]

    assert epoch(f"{bucket.url}/set") == epoch(dataset)


def test_marks_come_behind_their_files_the_manifest_last_and_nothing_is_listed(dataset: Path, bucket: Bucket) -> None:
    bring(dataset, bucket)
    written, seen = bucket.written(), list(bucket.seen)
    assert written[0] == f"set/{MARKS}/claim" and written[-1] == "set/manifest.json"
    for name in files_of(dataset):
        if name != "manifest.json":
            assert written.index(f"set/{name}") < written.index(f"set/{MARKS}/{name}")
    assert f"{MARKS}/claim" not in bucket.objects("set/")
    # s3fs looks for a folder of that name where an object is missing: one answer at most, and nothing depends on it.
    assert not [path for _, path in seen if "list-type" in path and "max-keys=1&" not in path]


def test_throttling_and_faults_that_pass_are_outlived(dataset: Path, bucket: Bucket) -> None:
    bucket.fault = every(7, 503, 500)
    bring(dataset, bucket)
    assert published(bucket) == files_of(dataset)


def test_bodies_that_end_early_are_read_again(dataset: Path, bucket: Bucket, tmp_path: Path) -> None:
    bring(dataset, bucket)
    bucket.fault = every(7, "cut", 503)
    cache = Cache(folder=tmp_path / "cache", min_free_bytes=0, num_tries=9, first_delay_s=SHORT_S)
    loader = StreamingDataset(f"{bucket.url}/set", cache=cache, batch_size=1, rank=0, world_size=1)
    assert sum(len(batch["keys"][0]) for batch in loader) == 6


@pytest.mark.parametrize("at", [0, 1, 9])
def test_what_was_interrupted_is_no_dataset_and_goes_on_behind_the_last_mark(
    dataset: Path, bucket: Bucket, at: int
) -> None:
    writes = iter(range(10**6))
    bucket.fault = lambda method, path: 500 if method == "PUT" and next(writes) >= at else None
    with pytest.raises(ShardError, match="6 tries"):
        bring(dataset, bucket)
    assert "manifest.json" not in published(bucket)
    marked = {name for name in bucket.objects(f"set/{MARKS}/") if name != "claim"}
    bucket.fault = lambda method, path: None
    bucket.seen.clear()
    assert bring(dataset, bucket).num_there_before == len(marked)
    assert published(bucket) == files_of(dataset)
    assert not marked & {name.removeprefix("set/") for name in bucket.written()}
    assert not dataset.with_name("six.publish").exists()


@pytest.mark.parametrize("number", range(3))
def test_of_two_datasets_that_race_for_one_place_one_is_there_whole_and_the_other_says_so(
    dataset: Path, another: Path, bucket: Bucket, number: int
) -> None:
    ended: dict[Path, InterleaveError | None] = {}
    start = threading.Barrier(2)

    def run(folder: Path) -> None:
        start.wait()
        try:
            bring(folder, bucket)
            ended[folder] = None
        except InterleaveError as error:
            ended[folder] = error

    threads = [threading.Thread(target=run, args=(folder,)) for folder in (dataset, another)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [folder for folder, error in ended.items() if error is None]
    assert len(winners) == 1
    assert published(bucket) == files_of(winners[0])
    (error,) = [error for error in ended.values() if error is not None]
    assert "is bringing a dataset there since" in str(error) or "holds another dataset" in str(error)


def test_what_another_finished_before_the_claim_was_laid_stays_whole(
    dataset: Path, another: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = interleave.remote.object_store.ObjectStore.create

    def late(store: object, name: str, data: bytes) -> bool:
        monkeypatch.setattr("interleave.remote.object_store.ObjectStore.create", create)
        bring(another, bucket)
        return create(store, name, data)  # type: ignore[arg-type]

    monkeypatch.setattr("interleave.remote.object_store.ObjectStore.create", late)
    with pytest.raises(RecipeError, match="holds another dataset"):
        bring(dataset, bucket)
    assert published(bucket) == files_of(another)
    assert "claim" not in bucket.objects(f"set/{MARKS}/")


def test_a_dataset_that_was_to_give_way_leaves_nothing_though_that_was_interrupted(
    dataset: Path, another: Path, bucket: Bucket
) -> None:
    bring(another, bucket)
    bucket.fault = lambda method, path: 403 if method == "PUT" and path.endswith("index.arrow") else None
    with pytest.raises(ShardError):
        bring(dataset, bucket, replace=True)
    assert "manifest.json" not in published(bucket)
    bucket.fault = lambda method, path: None
    bring(dataset, bucket)
    assert published(bucket) == files_of(dataset)


def test_another_dataset_stays_unless_it_is_said_to_give_way(dataset: Path, another: Path, bucket: Bucket) -> None:
    bring(another, bucket)
    with pytest.raises(RecipeError, match="holds another dataset"):
        bring(dataset, bucket)
    assert published(bucket) == files_of(another)
    bring(dataset, bucket, replace=True)
    assert published(bucket) == files_of(dataset)


def test_a_second_run_asks_for_the_manifest_alone(dataset: Path, bucket: Bucket) -> None:
    bring(dataset, bucket)
    bucket.seen.clear()
    again = bring(dataset, bucket)
    assert again.num_there_before == again.num_files and again.num_bytes == 0
    assert {method for method, _ in bucket.seen} <= {"GET", "HEAD"}


def test_a_claim_of_somebody_who_died_is_named_and_can_be_set_aside(
    dataset: Path, another: Path, bucket: Bucket
) -> None:
    bucket.fault = lambda method, path: 500 if path.endswith("manifest.json") and method == "PUT" else None
    with pytest.raises(ShardError):
        bring(another, bucket)
    bucket.fault = lambda method, path: None
    with pytest.raises(RecipeError, match=r"is bringing a dataset there since .* --take-over"):
        bring(dataset, bucket)
    assert "manifest.json" not in published(bucket)
    bring(dataset, bucket, take_over=True)
    assert {name: data for name, data in published(bucket).items() if name in files_of(dataset)} == files_of(dataset)


def test_a_dataset_that_is_not_what_its_manifest_says_is_not_brought(dataset: Path, bucket: Bucket) -> None:
    data = bytearray((dataset / "shard-0001.tar").read_bytes())
    data[5000] ^= 1
    (dataset / "shard-0001.tar").write_bytes(data)
    with pytest.raises(ShardError, match=r"shard-0001\.tar has SHA-256"):
        bring(dataset, bucket)
    assert "manifest.json" not in published(bucket)


def test_a_place_where_one_may_not_write_is_named_at_once(dataset: Path, bucket: Bucket) -> None:
    bucket.fault = lambda method, path: 403 if method == "PUT" else None
    with pytest.raises(ShardError, match="may you read and write there"):
        bring(dataset, bucket)


def test_folders_are_places_too_and_the_command_says_what_went(tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'mirror'}"
    ran = command("publish", sample_dataset(), url, "--json")
    assert ran.returncode == 0, ran.stderr
    assert orjson.loads(ran.stdout)["num_there_before"] == 0
    wanted = {name: digest for name, digest in built_files(sample_dataset()).items() if name != "report.html"}
    assert {name: built_files(tmp_path / "mirror").get(name) for name in wanted} == wanted
    ran = command("publish", sample_dataset(), url)
    assert ran.returncode == 0 and "were there before" in ran.stdout


@pytest.mark.parametrize("url", ["mirror", "nothing://bucket/set"])
def test_what_is_no_place_is_refused(tmp_path: Path, url: str) -> None:
    ran = command("publish", sample_dataset(), url)
    assert ran.returncode in (1, 2) and ran.stderr.startswith("error: ") and "Traceback" not in ran.stderr
