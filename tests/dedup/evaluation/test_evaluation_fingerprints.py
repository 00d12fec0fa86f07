import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluation_sets import encoded, make_gqa, make_mmbench, make_mme, picture, write
from PIL import Image, ImageDraw, ImageFont

from interleave.dedup.evaluation import fingerprints
from interleave.dedup.evaluation.fingerprints import (
    join_fingerprints,
    read_fingerprints,
    telling_hash,
    write_fingerprints,
)
from interleave.dedup.evaluation.formats import read_evaluation
from interleave.dedup.evaluation.items import EvaluationItem
from interleave.dedup.fingerprints import perceptual_hash
from interleave.errors import RecipeError
from interleave.images.normalise import ImageTarget, normalise

LONG = "Is the small wooden table to the left of the lamp?"


def thumbnail(image: Image.Image) -> np.ndarray:
    return normalise(encoded(image, "PNG"), ImageTarget()).thumbnail


def test_a_set_becomes_a_file_that_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "sets.parquet"
    report = write_fingerprints(read_evaluation(make_mme(tmp_path / "MME")), path)
    assert (report.num_images, report.num_plain_images, report.refused) == (2, 0, ())
    # "Is there a dog in this image?" has 7 words without MME's request; "Does this artwork ..." has 9.
    assert (report.num_questions, report.num_short_questions) == (1, 2)
    found = read_fingerprints(path)
    assert found.image_names == [
        ("MME", "MME_Benchmark/artwork/images/14777.png"),
        ("MME", "MME_Benchmark/existence/0001.jpg"),
    ]
    data = encoded(picture(1))
    assert found.image_sha256[1].decode() == hashlib.sha256(data).hexdigest()
    assert found.image_phash[1] == perceptual_hash(normalise(data, ImageTarget()).thumbnail)
    assert found.question_names == [("MME", "MME_Benchmark/artwork/questions_answers_YN/14777.txt:1")]
    assert found.num_words.tolist() == [10]  # still-life are two
    assert found.borders.tolist() == [0, 1]


def test_the_bytes_depend_on_the_items_alone(tmp_path: Path) -> None:
    def build(name: str) -> bytes:
        path = tmp_path / name / "sets.parquet"
        items = [
            *read_evaluation(make_gqa(tmp_path / name / "gqa")),
            *read_evaluation(make_mme(tmp_path / name / "MME")),
        ]
        write_fingerprints(items, path)
        return path.read_bytes()

    assert build("one") == build("other")


def test_what_cannot_be_read_is_counted_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprints, "_MAX_NAMED", 2)
    root = make_gqa(tmp_path / "gqa")
    write(root / "images" / "n161313.jpg", encoded(picture(9))[:500])
    write(root / "images" / "n235859.jpg", "GIF89a")
    items = [*read_evaluation(root, name="gqa"), *read_evaluation(make_mmbench(tmp_path / "mmb.tsv", "1\tfew"))]
    report = write_fingerprints(items, tmp_path / "sets.parquet")
    assert report.num_refused == {
        ("gqa", "truncated"): 2,
        ("mmb", "wrong_number_of_fields"): 1,
    }
    assert [(item.item, item.error.reason) for item in report.refused] == [
        ("n161313.jpg", "truncated"),
        ("n235859.jpg", "truncated"),
    ]
    assert report.num_images == 1


def test_pictures_that_are_one_shade_are_known_by_their_bytes_alone(tmp_path: Path) -> None:
    def text(sum_: str) -> Image.Image:
        image = Image.new("RGB", (400, 150), "white")
        ImageDraw.Draw(image).text((20, 20), sum_, fill="black", font=ImageFont.load_default(40))
        return image

    assert telling_hash(thumbnail(text("12 + 7 = ?"))) is None
    assert telling_hash(thumbnail(Image.new("RGB", (100, 100), "red"))) is None
    assert telling_hash(thumbnail(Image.linear_gradient("L"))) is None
    photograph = thumbnail(picture(1))
    assert telling_hash(photograph) == perceptual_hash(photograph)
    data = encoded(text("12 + 7 = ?"), "PNG")
    report = write_fingerprints([EvaluationItem(set="s", item="i", load=lambda: data)], tmp_path / "f.parquet")
    assert (report.num_images, report.num_plain_images) == (1, 1)
    assert read_fingerprints(tmp_path / "f.parquet").image_phash.tolist() == [0]


def test_files_are_joined_in_their_order(tmp_path: Path) -> None:
    items = [EvaluationItem(set="a", item=str(number), question=f"{LONG} {number}") for number in range(3)]
    items += [EvaluationItem(set="a", item="x", load=lambda: encoded(picture(1)))]
    write_fingerprints(items, tmp_path / "all.parquet")
    for name, part in (("1", items[:1]), ("2", items[1:])):
        write_fingerprints(part, tmp_path / f"{name}.parquet")
    whole = read_fingerprints(tmp_path / "all.parquet")
    joined = join_fingerprints(read_fingerprints(tmp_path / f"{name}.parquet") for name in "12")
    assert (joined.image_names, joined.question_names) == (whole.image_names, whole.question_names)
    for column in ("image_sha256", "image_phash", "num_words", "grams", "borders"):
        np.testing.assert_array_equal(getattr(joined, column), getattr(whole, column))
    empty = join_fingerprints([])
    assert (len(empty.image_phash), empty.borders.tolist()) == (0, [0])


def test_an_empty_set_is_a_file_without_rows(tmp_path: Path) -> None:
    write_fingerprints([], tmp_path / "f.parquet")
    found = read_fingerprints(tmp_path / "f.parquet")
    assert (len(found.image_sha256), len(found.grams), found.borders.tolist()) == (0, 0, [0])


def change(path: Path, **columns: object) -> None:
    table = pq.read_table(path)
    for name, value in columns.items():
        place = table.schema.get_field_index(name)
        field = table.schema.field(name)
        table = table.set_column(place, field, pa.array([value] * len(table), type=field.type))
    pq.write_table(table, path)


@pytest.mark.parametrize(
    "columns",
    [{"kind": "sound"}, {"sha256": None}, {"num_words": 0}, {"num_words": 1 << 30}, {"grams": None}, {"set": None}],
)
def test_a_file_with_impossible_rows_is_a_mistake_in_the_recipe(tmp_path: Path, columns: dict[str, object]) -> None:
    path = tmp_path / "f.parquet"
    kind = "image" if "sha256" in columns else "question"
    question = EvaluationItem(set="s", item="i", question=LONG)
    image = EvaluationItem(set="s", item="i", load=lambda: encoded(picture(1)))
    write_fingerprints([image if kind == "image" else question], path)
    read_fingerprints(path)
    change(path, **columns)
    with pytest.raises(RecipeError, match="rows that no fingerprints have"):
        read_fingerprints(path)


def test_other_files_and_other_versions_are_mistakes_in_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot read"):
        read_fingerprints(write(tmp_path / "text.parquet", "no Parquet"))
    with pytest.raises(RecipeError, match="cannot read"):
        read_fingerprints(tmp_path / "absent.parquet")
    pq.write_table(pa.table({"url": ["x"]}), tmp_path / "other.parquet")
    with pytest.raises(RecipeError, match="no file of fingerprints"):
        read_fingerprints(tmp_path / "other.parquet")
    path = tmp_path / "old.parquet"
    write_fingerprints([], path)
    pq.write_table(pq.read_table(path).replace_schema_metadata({"interleave.evaluation": "0"}), path)
    with pytest.raises(RecipeError, match="version 0"):
        read_fingerprints(path)
