"""Work folders that go, and what must not go with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson
import pytest
from fixtures_build import build_small, built_files, command, copy_of, small_dataset

from interleave.errors import RecipeError, TaskError
from interleave.purge import purge
from interleave.work_folder import work_folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return copy_of(small_dataset(), tmp_path / "six")


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_work_folder_goes_and_the_dataset_stays(output: Path) -> None:
    work, before = output.with_name("six.work"), built_files(output)
    num_bytes = size_of(work)
    found = purge(output)
    assert not work.exists()
    assert sum(found.removed.values()) == num_bytes > 0 and not found.kept
    assert {"measure", "encode", "plan"} <= set(found.removed)
    assert built_files(output) == before
    build_small(output)
    assert built_files(output) == before


def test_the_work_folder_may_be_named_itself(output: Path) -> None:
    purge(output.with_name("six.work"))
    assert not output.with_name("six.work").exists()


def test_what_an_unfinished_build_would_go_on_from_goes_only_when_that_is_said(output: Path) -> None:
    (output / "manifest.json").unlink()
    with pytest.raises(RecipeError, match=r"six is not finished.*--unfinished"):
        purge(output)
    assert purge(output, unfinished=True).removed
    assert not output.with_name("six.work").exists()


def test_downloaded_images_stay_unless_they_are_meant(output: Path) -> None:
    store = output.with_name("six.work") / "store"
    store.mkdir()
    (store / "images").write_bytes(bytes(1000))
    assert purge(output).kept == {"store": 1000}
    assert sorted(path.name for path in store.parent.iterdir()) == ["lock", "store"]
    assert purge(output, store=True).removed == {"store": 1000}
    assert not store.parent.exists()


def test_a_dry_run_removes_nothing_and_says_the_same(output: Path) -> None:
    work = output.with_name("six.work")
    num_bytes = size_of(work)
    would = purge(output, dry_run=True)
    assert size_of(work) == num_bytes
    assert purge(output) == would


def test_a_build_that_is_at_work_keeps_its_folder(output: Path) -> None:
    with work_folder(output.with_name("six.work"), fresh=False), pytest.raises(TaskError, match="another build"):
        purge(output)


@pytest.mark.parametrize("name", ["six", "thesis.work", "gone"])
def test_what_is_no_work_folder_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "thesis.work").mkdir()
    (tmp_path / "thesis.work" / "thesis.tex").write_text("mine")
    with pytest.raises(RecipeError, match="is no work folder"):
        purge(tmp_path / name)
    assert (tmp_path / "thesis.work" / "thesis.tex").exists()


def test_what_links_lead_to_stays(output: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(output, elsewhere)
    (output.with_name("six.work") / "measure" / "link").symlink_to(elsewhere)
    (output.with_name("six.work") / "other").symlink_to(elsewhere)
    purge(output)
    assert built_files(elsewhere) == built_files(output)
    output.with_name("six.work").symlink_to(elsewhere)
    with pytest.raises(RecipeError, match="is no work folder"):
        purge(output)


def test_the_command_says_what_went(output: Path) -> None:
    ran = command("purge", output, "--dry-run", "--json")
    assert ran.returncode == 0 and orjson.loads(ran.stdout)["dry_run"]
    ran = command("purge", output)
    assert ran.returncode == 0
    assert "measure" in ran.stdout and "given back" in ran.stdout
    assert command("purge", output).returncode == 2
