"""Planted images and questions of benchmarks do not get into a dataset, and what is near to none of them does."""

from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from fixtures_build import RECIPE, SAMPLE, build_sample, copy_of, sample_dataset
from PIL import Image

from interleave.errors import RecipeError, TaskError
from interleave.identity import document_id
from interleave.recipe_file import load_recipe
from interleave.report import Report
from interleave.stream.reader import DatasetReader

ELSEWHERE = "On a ship the cook kept a barrel of cabbage in brine below the second deck for winter"


def kept(dataset: Path) -> list[dict[str, Any]]:
    """Drops of the ledger that decontamination made."""
    rows = pq.read_table(dataset / "ledger" / "drops.parquet").to_pylist()
    return [row for row in rows if row["stage"] == "decontaminate"]


def first_document() -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads((SAMPLE / "docs.jsonl").read_bytes().partition(b"\n")[0])
    return document


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in MME's form: a picture of the sample, compressed again, and one that is nowhere else."""
    folder = tmp_path_factory.mktemp("MME") / "existence"
    folder.mkdir()
    with Image.open(sorted((SAMPLE / "images").glob("*.jpg"))[3]) as picture:
        picture.convert("RGB").save(folder / "000001.jpg", quality=60)
    Image.effect_mandelbrot((300, 200), (-2, -1, 1, 1), 50).convert("RGB").save(folder / "000002.jpg")
    for name in ("000001", "000002"):
        (folder / f"{name}.txt").write_text("Is there a cat in this image? Please answer yes or no.\tYes\n")
    return folder.parent


def build(output: Path, sets: str, *overrides: str) -> Report:
    copy_of(sample_dataset(), output)
    return build_sample(output, f"decontaminate={{sets: [{sets}]}}", *overrides)


def test_an_image_of_a_benchmark_goes_and_its_document_stays(benchmark: Path, tmp_path: Path) -> None:
    report = build(tmp_path / "mmc4", f"{{path: {benchmark}, kind: mme}}")
    rows = kept(tmp_path / "mmc4")
    assert rows
    assert {(row["rule"], row["threshold"], row["detail"].partition(":")[0]) for row in rows} == {
        ("evaluation_image", 4.0, benchmark.name)
    }
    assert all("000001" in row["detail"] and row["image"] is not None for row in rows)
    # Questions of a few words are ordinary language, and are not looked for.
    assert report.evaluation_items == 2
    assert report.evaluation_items_refused == 0


def test_the_whole_document_goes_where_the_recipe_says_so(benchmark: Path, tmp_path: Path) -> None:
    copy_of(sample_dataset(), tmp_path / "mmc4")
    build_sample(tmp_path / "mmc4", f"decontaminate={{sets: [{{path: {benchmark}}}], images: document}}")
    rows = kept(tmp_path / "mmc4")
    gone = [row["doc_id"] for row in rows if row["image"] is None]
    assert gone
    assert not set(gone) & {row["doc_id"] for row in DatasetReader(tmp_path / "mmc4").rows(("doc_id",))}
    assert {row["rule"] for row in rows} == {"evaluation_image", "document_dropped"}


def test_a_document_that_holds_a_question_goes_and_others_stay(tmp_path: Path) -> None:
    words = " ".join(first_document()["text_list"]).split()[:18]
    (tmp_path / "questions.txt").write_text(f"{' '.join(words).upper()}?\n{ELSEWHERE}?\n")
    build(tmp_path / "mmc4", f"{{path: {tmp_path / 'questions.txt'}, name: quiz}}")
    rows = [row for row in kept(tmp_path / "mmc4") if row["image"] is None]
    assert {(row["rule"], row["value"], row["detail"].partition(":")[0]) for row in rows} == {
        ("evaluation_question", 1.0, "quiz")
    }
    assert document_id("mmc4", "docs.jsonl", 0) in {row["doc_id"] for row in rows}
    assert len(rows) < 3


def test_fingerprints_of_a_set_do_for_the_set(benchmark: Path, tmp_path: Path) -> None:
    build(tmp_path / "first", f"{{path: {benchmark}}}")
    (table,) = (tmp_path / "first.work" / "evaluation").glob("*.fingerprints.parquet")
    build(tmp_path / "second", f"{{path: {table}, kind: fingerprints}}")
    drops = [
        [(row["doc_id"], row["image"], row["detail"]) for row in kept(tmp_path / name)] for name in ("first", "second")
    ]
    assert drops[0] == drops[1] != []


def test_a_set_that_is_not_there_is_said_before_any_work(tmp_path: Path) -> None:
    recipe = load_recipe(
        RECIPE, [f"output={tmp_path / 'out'}", f"decontaminate={{sets: [{{path: {tmp_path / 'no'}}}]}}"]
    )
    with pytest.raises(RecipeError, match="there is no"):
        recipe.hash()


def test_another_file_in_a_set_is_another_recipe(benchmark: Path, tmp_path: Path) -> None:
    def recipe_hash() -> str:
        return load_recipe(RECIPE, [f"decontaminate={{sets: [{{path: {tmp_path}}}]}}"]).hash()

    (tmp_path / "a.jpg").write_bytes((benchmark / "existence" / "000001.jpg").read_bytes())
    before = recipe_hash()
    (tmp_path / "b.jpg").write_bytes((benchmark / "existence" / "000002.jpg").read_bytes())
    assert recipe_hash() != before


def test_a_set_of_which_nothing_can_be_looked_for_is_an_error_before_the_input_is_read(tmp_path: Path) -> None:
    (tmp_path / "questions.txt").write_text("Is it red?\n")
    with pytest.raises(TaskError, match=r"holds no image and no question of 8 words or more; 0 .*, 1 questions"):
        build_sample(tmp_path / "out", f"decontaminate={{sets: [{{path: {tmp_path / 'questions.txt'}}}]}}")
    assert not (tmp_path / "out.work" / "measure").exists()
