"""Builds whose work folder and output lie in an object store: the same bytes, from machines that share no file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_build import RECIPE, build_sample, built_files, split_input

pytest.importorskip("s3fs")
pytest.importorskip("moto.server")
from fixtures_s3 import Bucket, s3_bucket

from interleave import depot, object_store
from interleave.flow import build
from interleave.recipe_file import load_recipe
from interleave.report import Report

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setattr(object_store, "FIRST_DELAY_S", 0.01)
    depot._store.cache_clear()
    with s3_bucket(monkeypatch) as found:
        yield found


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset as it is built in a folder."""
    output = tmp_path_factory.mktemp("straight") / "mmc4"
    build_sample(output, *overrides())
    return output


def overrides() -> tuple[str, ...]:
    return f"source.path={split_input()}", "shards.max_bytes=700000"


def build_there(bucket: Bucket, scratch: Path, *more: str) -> Report:
    recipe = load_recipe(RECIPE, [f"output={bucket.url}/sets/mmc4", *overrides(), *more])
    return build(recipe, scratch=scratch, quiet=True)


def test_the_dataset_is_that_of_a_build_in_a_folder(straight: Path, bucket: Bucket, tmp_path: Path) -> None:
    report = build_there(bucket, tmp_path)
    found = bucket.objects("sets/mmc4/")
    assert set(built_files(straight)) <= set(found)
    print(report.datasets, sorted(bucket.objects("sets/mmc4.work/")), len(bucket.seen))
