"""What a build may remove from its output folder, and what it must leave alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from interleave.errors import RecipeError
from interleave.flow import build
from interleave.recipe_file import load_recipe

RECIPE = Path(__file__).parent.parent / "recipes" / "mmc4.yaml"
SPLITS = "splits={val: 0.3}"


def run(output: Path, *overrides: str) -> None:
    build(load_recipe(RECIPE, [f"output={output}", *overrides]), num_workers=1, quiet=True)


def test_a_folder_that_holds_other_datasets_is_no_output(tmp_path: Path) -> None:
    run(tmp_path / "all" / "mmc4")
    with pytest.raises(RecipeError, match="holds other files"):
        run(tmp_path / "all", SPLITS)
    assert (tmp_path / "all" / "mmc4" / "manifest.json").is_file()


def test_what_somebody_put_beside_the_splits_stays_when_the_splits_go(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    run(output, SPLITS)
    (output / "mine").mkdir()
    (output / "mine" / "shard-0000.tar").write_bytes(b"mine")
    run(output)
    assert (output / "mine" / "shard-0000.tar").read_bytes() == b"mine"
    assert (output / "manifest.json").is_file() and not (output / "train").exists() and not (output / "val").exists()


def test_splits_without_their_work_folder_can_be_built_again(tmp_path: Path) -> None:
    output = tmp_path / "mmc4"
    run(output, SPLITS)
    before = (output / "val" / "manifest.json").read_bytes()
    shutil.rmtree(tmp_path / "mmc4.work")
    run(output, SPLITS)
    assert (output / "val" / "manifest.json").read_bytes() == before
