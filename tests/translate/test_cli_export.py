"""`interleave export`: what every form does alike."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from fixtures_build import copy_of, small_dataset, write_manifest_of
from fixtures_translate import export
from typer.testing import CliRunner

from interleave.commands.export import export_app
from interleave.errors import RecipeError, ShardError, TaskError
from interleave.translate.summary import Tally

FORMS = ["vila-pkl", "openflamingo", "obelics", "sharegpt-json", "packed"]
ALL_FORMS = [*FORMS, "vila-coyo-pkl"]


@pytest.mark.parametrize("form", FORMS)
def test_the_summary_says_what_was_written(form: str, tmp_path: Path) -> None:
    printed = export(form, small_dataset(), tmp_path / "out")
    assert printed.startswith(f"{tmp_path / 'out'}: ") and " images, " in printed
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("form", FORMS)
def test_json_is_the_same_in_numbers(form: str, tmp_path: Path) -> None:
    found = orjson.loads(export(form, small_dataset(), tmp_path / "out", "--json"))
    assert found["form"] == form
    assert found["num_files"] == sum(path.is_file() for path in (tmp_path / "out").rglob("*"))
    assert found["num_items"] > 0 and found["num_images"] > 0


@pytest.mark.parametrize("form", ALL_FORMS)
def test_a_folder_that_holds_something_is_refused_in_a_sentence(form: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RecipeError, match="is not empty"):
        export(form, small_dataset(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(RecipeError, match="is not a folder"):
        export(form, small_dataset(), tmp_path / "mine.txt")


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export("openflamingo", small_dataset(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("form", ALL_FORMS)
def test_what_is_no_dataset_is_refused_and_leaves_nothing(form: str, tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="no finished dataset"):
        export(form, tmp_path / "nothing", tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_shard_leaves_nothing_half_written(form: str, tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    shard = dataset / "shard-0001.tar"
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(ShardError, match=r"shard-0001\.tar"):
        export(form, dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


def test_another_tokenizer_than_the_datasets_is_refused(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    manifest = orjson.loads((dataset / "manifest.json").read_bytes())
    manifest["tokenizer"]["sha256"] = "0" * 64
    write_manifest_of(dataset, manifest)
    with pytest.raises(RecipeError, match="--tokenizer"):
        export("vila-pkl", dataset, tmp_path / "out")
    export("vila-pkl", dataset, tmp_path / "out", "--tokenizer", manifest["tokenizer"]["name"])


def test_what_is_neither_written_nor_left_out_is_an_error() -> None:
    tally = Tally()
    tally.saw(["Four words are here."])
    tally.wrote(["Four words"])
    with pytest.raises(TaskError, match="of 17 chars in the dataset 9 are written and 0 left out"):
        tally.summary("obelics", "out", 1)
    tally.left_out("words", ["are here."])
    assert tally.summary("obelics", "out", 1).left_out[0].num_chars == 8


def test_every_form_explains_itself() -> None:
    for form in ALL_FORMS:
        result = CliRunner().invoke(export_app, [form, "--help"])
        assert result.exit_code == 0 and "Usage:" in result.output
