"""Input in an object store: brought whole, once, again where it changed, and the same bytes come of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_build import SAMPLE, build_sample, built_files, command, sample_lines, write_split_input

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
from fixtures_s3 import Bucket, every, s3_bucket

from interleave.errors import RecipeError, TaskError
from interleave.remote import bring

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setattr(bring, "_FIRST_DELAY_S", 0.01)
    with s3_bucket(monkeypatch) as found:
        for number in range(5):
            found.client.put_object(Bucket=found.name, Key=f"in/docs_{number}.jsonl", Body=piece(number))
        found.seen.clear()
        yield found


def piece(number: int) -> bytes:
    return b"\n".join(sample_lines()[3 * number : 3 * number + 3]) + b"\n"


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("straight")
    write_split_input(folder / "docs", num_lines=3)
    build_sample(folder / "set", f"source.path={folder / 'docs'}")
    return built_files(folder / "set")


@pytest.mark.parametrize("pattern", ["in", "in/", "in/docs_*.jsonl"])
def test_a_build_from_a_bucket_is_that_from_files(
    bucket: Bucket, straight: dict[str, str], tmp_path: Path, pattern: str
) -> None:
    build_sample(tmp_path / "set", f"source.path={bucket.url}/{pattern}")
    assert built_files(tmp_path / "set") == straight


def test_one_file_is_one_file(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "docs_1.jsonl").write_bytes(piece(1))
    build_sample(tmp_path / "local" / "set", f"source.path={tmp_path / 'docs_1.jsonl'}")
    build_sample(tmp_path / "remote" / "set", f"source.path={bucket.url}/in/docs_1.jsonl")
    assert built_files(tmp_path / "remote" / "set") == built_files(tmp_path / "local" / "set")


def test_faults_that_pass_are_outlived_and_bodies_that_end_early_are_asked_for_again(
    bucket: Bucket, straight: dict[str, str], tmp_path: Path
) -> None:
    bucket.fault = every(7, 503, 500, "cut")
    build_sample(tmp_path / "set", f"source.path={bucket.url}/in")
    assert built_files(tmp_path / "set") == straight


def test_a_second_run_brings_nothing_and_a_change_is_refused_with_its_name(bucket: Bucket, tmp_path: Path) -> None:
    recipe = f"source.path={bucket.url}/in"
    build_sample(tmp_path / "set", recipe)
    bucket.seen.clear()
    again = build_sample(tmp_path / "set", recipe)
    assert all(line.num_tasks == line.num_done_before for line in again.stages)
    assert not [path for method, path in bucket.seen if method == "GET" and "list-type" not in path]
    bucket.client.put_object(Bucket=bucket.name, Key="in/docs_3.jsonl", Body=piece(4))
    bucket.client.delete_object(Bucket=bucket.name, Key="in/docs_0.jsonl")
    with pytest.raises(TaskError, match=r"(?s)gone: mmc4/docs_0\.jsonl.*changed: mmc4/docs_3\.jsonl"):
        build_sample(tmp_path / "set", recipe)
    report = build_sample(tmp_path / "set", recipe, fresh=True)
    assert report.documents_in == 12


def test_what_was_interrupted_goes_on_where_it_was(bucket: Bucket, straight: dict[str, str], tmp_path: Path) -> None:
    bucket.fault = lambda method, path: 403 if "docs_3" in path and method == "GET" else None
    with pytest.raises(TaskError, match="may you read it"):
        build_sample(tmp_path / "set", f"source.path={bucket.url}/in")
    bucket.fault = lambda method, path: None
    build_sample(tmp_path / "set", f"source.path={bucket.url}/in")
    assert built_files(tmp_path / "set") == straight
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize("place", ["nowhere", "nowhere/*.jsonl"])
def test_a_url_that_leads_nowhere_is_named(bucket: Bucket, tmp_path: Path, place: str) -> None:
    with pytest.raises((RecipeError, TaskError), match="nowhere"):
        build_sample(tmp_path / "set", f"source.path={bucket.url}/{place}")


def test_where_only_a_path_will_do_a_url_is_refused() -> None:
    ran = command("build", SAMPLE.parent / "mmc4.yaml", "--set", "source.images=s3://bucket/set")
    assert ran.returncode == 2 and "expected a path on this machine" in ran.stderr
