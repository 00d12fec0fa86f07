"""Builds whose work folder and output lie in an object store: the same bytes, from machines that share no file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

import orjson
import pytest
from fixtures_build import RECIPE, build_sample, build_small, built_files, command, six_documents, small_overrides

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
from fixtures_s3 import Bucket, Objects, every, s3_bucket

from interleave import Cache, StreamingDataset
from interleave.errors import InterleaveError, RecipeError, TaskError, Unfinished
from interleave.flow import build, measure_only
from interleave.purge import purge
from interleave.recipe_file import load_recipe
from interleave.remote import depot, object_store
from interleave.remote.bring import bring_in
from interleave.remote.depot import open_depot
from interleave.remote.publish import publish
from interleave.report import Report
from interleave.work_folder import WHOLE, Slice

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SMALL = (*small_overrides(), "shards.multiple_of=2")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setattr(object_store, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(depot, "_store", lru_cache(object_store.ObjectStore))  # each test has a server of its own
    with s3_bucket(monkeypatch) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "store")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six documents as they are built in a folder."""
    output = tmp_path_factory.mktemp("straight") / "six"
    build_sample(output, *SMALL)
    return output


def build_there(
    there: Objects,
    scratch: Path,
    *overrides: str,
    part: Slice = WHOLE,
    num_workers: int = 1,
    fresh: bool = False,
    take_over: bool = False,
) -> Report:
    recipe = load_recipe(RECIPE, [f"output={there.url}/sets/six", *SMALL, *overrides])
    return build(
        recipe,
        num_workers=num_workers,
        scratch=scratch,
        part=part,
        fresh=fresh,
        take_over=take_over,
        quiet=True,
        pages=False,
    )


def left_on(machine: Path) -> set[str]:
    return {path.suffix for path in machine.rglob("*") if path.is_file()}


def test_the_dataset_is_that_of_a_build_in_a_folder_and_a_loader_reads_it(
    straight: Path, bucket: Bucket, tmp_path: Path
) -> None:
    report = build_there(bucket, tmp_path / "machine")
    assert bucket.built("sets/six/") == built_files(straight)
    assert report.datasets[0].folder == f"{bucket.url}/sets/six" and report.work == f"{bucket.url}/sets/six.work"
    assert not left_on(tmp_path / "machine") & {".tar", ".blob"}, "what is large does not stay"
    assert not [name for name in bucket.objects() if "claim" in name]
    loader = StreamingDataset(
        f"{bucket.url}/sets/six",
        cache=Cache(folder=tmp_path / "cache", min_free_bytes=0),
        batch_size=1,
        images="bytes",
        rank=0,
        world_size=1,
    )
    assert sum(len(batch["keys"][0]) for batch in loader) == 6


def test_outputs_come_before_their_marker_and_the_manifest_last(bucket: Bucket, tmp_path: Path) -> None:
    build_there(bucket, tmp_path)
    written = bucket.written()
    for name in written:
        if name.endswith(".done"):
            stage = name.removesuffix(".done")
            own = [at for at, other in enumerate(written) if other.startswith(f"{stage}.") and other != name]
            assert all(at < written.index(name) for at in own)
    manifest = written.index("sets/six/manifest.json")
    assert all(written.index(name) < manifest for name in written if name.startswith("sets/six/shard-"))


def test_another_machine_finds_that_all_is_done(straight: Path, bucket: Bucket, tmp_path: Path) -> None:
    first = build_there(bucket, tmp_path / "one")
    bucket.seen.clear()
    again = build_there(bucket, tmp_path / "another")
    assert all(line.num_done_before == line.num_tasks for line in again.stages)
    assert again.datasets == first.datasets
    assert not [name for name in bucket.written() if name.endswith((".done", ".tar", ".parquet", ".blob"))]


@pytest.mark.parametrize("writes", [3, 40, 60])
def test_what_one_machine_began_another_ends(straight: Path, bucket: Bucket, tmp_path: Path, writes: int) -> None:
    left = iter(range(10**6))
    bucket.fault = lambda method, path: 500 if method == "PUT" and next(left) >= writes else None
    with pytest.raises(InterleaveError, match="6 tries"):
        build_there(bucket, tmp_path / "one")
    bucket.fault = lambda method, path: None
    assert "manifest.json" not in bucket.objects("sets/six/")
    report = build_there(bucket, tmp_path / "another", take_over=True)
    assert bucket.built("sets/six/") == built_files(straight)
    assert writes < 20 or any(line.num_done_before for line in report.stages)


def test_a_machine_whose_build_died_goes_on_without_being_told(straight: Path, bucket: Bucket, tmp_path: Path) -> None:
    left = iter(range(10**6))
    # From then on nothing can be written or removed: neither is the claim given back.
    bucket.fault = lambda method, path: 500 if method in ("PUT", "DELETE") and next(left) >= 20 else None
    with pytest.raises(InterleaveError):
        build_there(bucket, tmp_path / "one")
    bucket.fault = lambda method, path: None
    with pytest.raises(RecipeError, match=r"building there since .* --take-over"):
        build_there(bucket, tmp_path / "another")
    build_there(bucket, tmp_path / "one")
    assert bucket.built("sets/six/") == built_files(straight)


def test_throttling_faults_and_bodies_that_end_early_are_outlived(
    straight: Path, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.fault = every(11, 503, 500, "cut")
    build_there(bucket, tmp_path)
    assert bucket.built("sets/six/") == built_files(straight)


def test_of_two_builds_that_race_one_builds_and_the_other_says_so(
    straight: Path, bucket: Bucket, tmp_path: Path
) -> None:
    said: list[str] = []
    both = threading.Barrier(2)

    def one(scratch: Path, seed: int) -> None:
        both.wait()
        try:
            build_there(bucket, scratch, f"seed={seed}")
            said.append("built")
        except RecipeError as error:
            said.append(str(error))

    threads = [threading.Thread(target=one, args=(tmp_path / str(seed), seed)) for seed in (0, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("building there since" in text for text in said) == [False, True] and "built" in said
    sha256 = {
        entry["name"]: entry["sha256"] for entry in orjson.loads(bucket.objects("sets/six/")["manifest.json"])["shards"]
    }
    found = bucket.built("sets/six/")
    assert sha256 == {name: found[name] for name in sha256}, "nothing is mixed"


def test_a_changed_recipe_does_what_depends_on_it_and_nothing_of_the_old_dataset_stays(
    folder: Objects, tmp_path: Path
) -> None:
    build_there(folder, tmp_path / "one")
    report = build_there(folder, tmp_path / "another", "shards.multiple_of=1", "seed=3")
    done_again = [line.stage for line in report.stages if line.num_done_before < line.num_tasks]
    assert done_again == ["plan", "write", "seal"]
    build_sample(tmp_path / "six", *SMALL, "shards.multiple_of=1", "seed=3")
    assert folder.built("sets/six/") == built_files(tmp_path / "six")


def test_splits_become_datasets_and_go_when_the_recipe_has_them_no_more(
    straight: Path, folder: Objects, tmp_path: Path
) -> None:
    splits = ("splits={val: 0.4}", "shards.multiple_of=1")
    build_there(folder, tmp_path / "one", *splits)
    build_sample(tmp_path / "six", *SMALL, *splits)
    assert folder.built("sets/six/") == built_files(tmp_path / "six")
    build_there(folder, tmp_path / "another")
    assert folder.built("sets/six/") == built_files(straight)
    assert not [name for name in folder.objects("sets/six/") if name.startswith(("train", "val"))]


def test_a_dataset_that_was_not_built_there_stays(straight: Path, folder: Objects, tmp_path: Path) -> None:
    publish(straight, f"{folder.url}/sets/six", first_delay_s=0.01)
    before = folder.objects()
    with pytest.raises(RecipeError, match="holds a dataset that was not built there; give another URL"):
        build_there(folder, tmp_path)
    assert folder.objects() == before


def test_a_dataset_that_was_exchanged_for_another_since_is_named(folder: Objects, tmp_path: Path) -> None:
    build_there(folder, tmp_path / "one")
    build_small(tmp_path / "five", f"source.path={two_files() / 'docs_0.jsonl'}")
    publish(tmp_path / "five", f"{folder.url}/sets/six", replace=True)
    with pytest.raises(TaskError, match=r"sets/six: 3 samples with .*this build wrote 6 .*exchanged the dataset since"):
        build_there(folder, tmp_path / "another")
    report = build_there(folder, tmp_path / "another", fresh=True)
    assert report.samples == 6


def test_nobody_publishes_where_a_build_is_at_work(straight: Path, bucket: Bucket, tmp_path: Path) -> None:
    left = iter(range(10**6))
    bucket.fault = lambda method, path: (
        500 if method == "PUT" and path.endswith("shard-0001.tar") and next(left) < 99 else None
    )
    with pytest.raises(TaskError, match="shard-0001"):
        build_there(bucket, tmp_path)
    bucket.fault = lambda method, path: None
    with pytest.raises(RecipeError, match="bringing a dataset there since"):
        publish(straight, f"{bucket.url}/sets/six", first_delay_s=0.01)
    build_there(bucket, tmp_path)
    assert bucket.built("sets/six/") == built_files(straight)


def test_to_start_over_nothing_of_before_is_needed(straight: Path, folder: Objects, tmp_path: Path) -> None:
    build_there(folder, tmp_path / "one", "seed=3")
    report = build_there(folder, tmp_path / "one", fresh=True)
    assert not any(line.num_done_before for line in report.stages)
    assert folder.built("sets/six/") == built_files(straight)


def test_a_copy_of_what_changed_there_is_brought_again(straight: Path, folder: Objects, tmp_path: Path) -> None:
    build_there(folder, tmp_path / "one")
    build_there(folder, tmp_path / "another", "images.max_short_side=32")
    # The first machine still has all records of before.
    build_there(folder, tmp_path / "one", "images.max_short_side=32", "seed=5")
    build_sample(tmp_path / "six", *SMALL, "images.max_short_side=32", "seed=5")
    assert folder.built("sets/six/") == built_files(tmp_path / "six")


@pytest.fixture
def input_there(folder: Objects) -> str:
    """The input behind a URL, too, in two files."""
    for path in sorted(two_files().iterdir()):
        folder.put(f"in/{path.name}", path.read_bytes())
    return f"source.path={folder.url}/in"


@cache
def two_files() -> Path:
    folder = six_documents().parent / "two"
    folder.mkdir()
    lines = six_documents().read_bytes().splitlines(keepends=True)
    for number in range(2):
        (folder / f"docs_{number}.jsonl").write_bytes(b"".join(lines[number::2]))
    return folder


def test_slices_on_machines_that_share_nothing_build_one_dataset(
    folder: Objects, tmp_path: Path, input_there: str
) -> None:
    ends = []
    while not ends or not all(ends[-1]):
        assert len(ends) < 9
        ends.append([])
        for index in range(2):
            try:
                build_there(folder, tmp_path / f"machine-{index}", input_there, part=Slice(index, 2))
                ends[-1].append(True)
            except Unfinished:
                ends[-1].append(False)
    build_sample(tmp_path / "six", *SMALL, f"source.path={two_files()}")
    assert folder.built("sets/six/") == built_files(tmp_path / "six")


def test_slices_side_by_side_and_a_build_beside_them(folder: Objects, tmp_path: Path, input_there: str) -> None:
    said: list[str] = []

    def one(index: int) -> None:
        recipe = load_recipe(RECIPE, [f"output={folder.url}/sets/six", *SMALL, input_there])
        scratch = tmp_path / f"machine-{index}"
        build(recipe, scratch=scratch, part=Slice(index, 2), wait_s=100.0, quiet=True, pages=False)
        said.append("built")

    threads = [threading.Thread(target=one, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    named = tmp_path / "store" / "sets" / "six.work" / "slices"
    while all(thread.is_alive() for thread in threads) and not named.exists():
        time.sleep(0.01)
    with pytest.raises(RecipeError, match=r"slice [01] of 2 slices of"):
        build_there(folder, tmp_path / "third", input_there)
    for thread in threads:
        thread.join()
    assert said == ["built", "built"]
    build_sample(tmp_path / "six", *SMALL, f"source.path={two_files()}")
    assert folder.built("sets/six/") == built_files(tmp_path / "six")
    with pytest.raises(TaskError, match="the input is not the one"):
        build_there(folder, tmp_path / "third", f"source.path={six_documents()}")


def test_the_work_folder_goes_when_the_dataset_is_finished(straight: Path, folder: Objects, tmp_path: Path) -> None:
    url = f"{folder.url}/sets/six"
    with pytest.raises(RecipeError, match="is no work folder"):
        purge(url)
    build_there(folder, tmp_path)
    manifest = folder.objects("sets/six/")["manifest.json"]
    folder.delete("sets/six/manifest.json")
    with pytest.raises(RecipeError, match="is not finished"):
        purge(url)
    folder.put("sets/six/manifest.json", manifest)
    num_bytes = sum(map(len, folder.objects("sets/six.work/").values()))
    assert sum(purge(url, dry_run=True).removed.values()) == num_bytes
    assert sum(purge(f"{url}.work").removed.values()) == num_bytes
    assert not folder.objects("sets/six.work/")
    assert folder.built("sets/six/") == built_files(straight)
    with pytest.raises(RecipeError, match="holds a dataset that was not built there"):
        build_there(folder, tmp_path)


def test_the_command_line_says_where_things_are_and_its_page_shows_them(bucket: Bucket, tmp_path: Path) -> None:
    url = f"{bucket.url}/sets/six"
    sets = [word for override in (f"output={url}", *SMALL) for word in ("--set", override)]
    ran = command("build", RECIPE, *sets, "--scratch", tmp_path, "--workers", "1")
    assert ran.returncode == 0 and ran.stderr == ""
    assert url in ran.stdout.replace("\n", "") and str(tmp_path) not in ran.stdout
    objects = bucket.objects("sets/six/")
    page = objects["report.html"].decode()
    assert page.count("data:image/jpeg;base64,") > 5 and str(tmp_path) not in page
    assert orjson.loads(objects["summary.json"])["datasets"][0]["folder"] == url
    assert command("purge", url).returncode == 0
    refused = command("build", RECIPE, "--scratch", tmp_path)
    assert refused.returncode == 2 and "are for an output that is a URL" in refused.stderr
    with pytest.raises(RecipeError, match="models look at images in a folder"):
        measure_only(load_recipe(RECIPE, [f"output={url}"]), num_workers=1)


def test_what_is_kept_is_there_also_when_somebody_removed_it_or_changed_it(tmp_path: Path) -> None:
    place, output = open_depot(f"file://{tmp_path}/sets/six", tmp_path / "machine", take_over=False)
    copy, there = output / "some.json", tmp_path / "sets" / "six" / "some.json"
    copy.parent.mkdir(parents=True)
    copy.write_text("mine")
    place.keep([copy, copy])
    assert there.read_text() == "mine"
    there.unlink()
    place.keep([copy])
    assert there.read_text() == "mine"
    there.write_text("of another machine")
    place.bring([copy])
    assert copy.read_text() == "of another machine"
    there.unlink()
    place.bring([copy])
    assert not copy.exists()


def test_within_a_stage_a_copy_is_compared_once(tmp_path: Path) -> None:
    place, output = open_depot(f"file://{tmp_path}/sets/six", tmp_path / "machine", take_over=False)
    there = tmp_path / "sets" / "six" / "some.json"
    there.parent.mkdir(parents=True)
    there.write_text("before")
    stage, copy = place.during_stage(), output / "some.json"
    stage.bring([copy])
    there.write_text("behind")
    stage.bring([copy])
    assert copy.read_text() == "before"
    place.during_stage().bring([copy])
    assert copy.read_text() == "behind"
    copy.write_text("by hand")
    stage.bring([copy])
    assert copy.read_text() == "behind"


def test_workers_on_other_machines_get_their_input_from_where_it_lies(tmp_path: Path) -> None:
    place, output = open_depot(f"file://{tmp_path}/sets/six", tmp_path / "machine", take_over=False)
    source = f"source.path=file://{two_files()}/docs_*.jsonl"
    _, urls = bring_in(load_recipe(RECIPE, [source]), output.with_name("six.work"), quiet=True)
    (folder,) = map(Path, urls)
    worker = place.with_sources(urls).during_stage()
    names = ["docs_0.jsonl", "docs_1.jsonl"]
    assert sorted(path.name for path in folder.iterdir()) == names
    (folder / "docs_0.jsonl").unlink()  # as on a machine where nothing is
    (folder / "docs_1.jsonl").write_text("of an input before this one")
    worker.bring(folder / name for name in names)
    assert [(folder / name).read_bytes() for name in names] == [(two_files() / name).read_bytes() for name in names]
    assert not (tmp_path / "sets").exists(), "input is not kept a second time"


@pytest.mark.parametrize("output", ["s3://", "s3://bucket", "s3://bucket/"])
def test_an_output_is_a_folder_in_a_bucket(output: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="names no folder in a bucket"):
        open_depot(output, tmp_path, take_over=False)
