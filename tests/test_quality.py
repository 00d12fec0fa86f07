"""Whole builds with what `clean`, `scores` and `align` can do, on documents that are written for it."""

import hashlib
import os
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fixtures_build import RECIPE, SAMPLE, build_sample, command, ledger, process, records, split_input

from interleave.clean.models.faces import BOX
from interleave.errors import RecipeError, TaskError
from interleave.images.stored import decode_rgb
from interleave.recipe_file import load_recipe
from interleave.report import Report

PICTURES = sorted(path.name for path in (SAMPLE / "images").glob("*.jpg"))[:3]
TEXTS = [
    "Write to jane.doe@mail.org about the old mill, or ring the bell.",
    "Menu",
    "The mill stands by the river, and its wheel is turned by the stream.",
    "Home",
    "In spring the water is high, and the wheel turns faster than in summer.",
]


def write_documents(folder: Path, texts: list[list[str]]) -> list[str]:
    """Documents of these sentences, each with the first three pictures of the sample at its sentences 1, 3, 4."""
    matrix = [[0.9, 0.8, 0.7, 0.1, 0.2], [0.9, 0.1, 0.6, 0.1, 0.1], [0.5, 0.1, 0.1, 0.1, 0.05]]
    with (folder / "docs.jsonl").open("wb") as file:
        for number, sentences in enumerate(texts):
            images = [
                {
                    "image_name": name,
                    "raw_url": f"https://p.example/{name}",
                    "matched_text_index": at,
                    "matched_sim": 0.1,
                }
                for name, at in zip(PICTURES, (1, 3, 4), strict=True)
            ]
            file.write(
                orjson.dumps(
                    {
                        "url": f"https://mill.example/{number}",
                        "text_list": sentences,
                        "image_info": images,
                        "similarity_matrix": matrix,
                    }
                )
                + b"\n"
            )
    off = ["clean.rules=[]", "dedup.images=null", "dedup.documents=null", "shards.multiple_of=1"]
    return [f"source.path={folder / 'docs.jsonl'}", *off]


def build(folder: Path, *overrides: str, texts: list[list[str]] | None = None) -> Report:
    return build_sample(folder / "out", *write_documents(folder, texts or [TEXTS]), *overrides)


def order(dataset: Path) -> list[str]:
    """What a sample shows: I for an image, the first word for a sentence."""
    ((record, _, _),) = records(dataset)
    return ["I" if text is None else text.split()[0] for text in record.texts]


def test_sentences_go_and_images_in_them_stay_in_place(tmp_path: Path) -> None:
    report = build(tmp_path, "clean.rules=[{kind: num_words, of: sentence, min: 3}]")
    assert order(tmp_path / "out") == ["Write", "I", "The", "I", "I", "In"]
    assert (report.sentences_in, report.sentences_out, report.images_out) == (5, 3, 3)
    assert report.tokens_in == report.tokens_out + report.tokens_dropped
    assert report.tokens_dropped > 0
    assert [(row["sentence"], row["rule"]) for row in ledger(tmp_path / "out")] == [
        (1, "sentence.num_words"),
        (3, "sentence.num_words"),
    ]


def test_a_document_of_which_all_sentences_go_keeps_its_images(tmp_path: Path) -> None:
    report = build(tmp_path, "clean.rules=[{kind: num_words, of: sentence, min: 99}]")
    assert order(tmp_path / "out") == ["I", "I", "I"]
    assert (report.sentences_out, report.images_out, report.tokens_out) == (0, 3, 0)


def test_images_are_assigned_to_the_sentences_that_are_left(tmp_path: Path) -> None:
    build(tmp_path, "clean.rules=[{kind: num_words, of: sentence, min: 3}]", "align.assign=linear")
    ((record, _, _),) = records(tmp_path / "out")
    # 0.7 + 0.9 + 0.05, where sentences 1 and 3 are gone.
    assert {info["index"]: info["matched_sentence"] for info in record.image_info} == {0: 2, 1: 0, 2: 4}
    assert order(tmp_path / "out") == ["I", "Write", "I", "The", "I", "In"]


def test_an_image_below_the_least_similarity_is_a_drop_of_settling(tmp_path: Path) -> None:
    report = build(tmp_path, "align.assign=argmax", "align.min_similarity=0.6")
    assert [(row["stage"], row["rule"], row["image"], row["value"]) for row in ledger(tmp_path / "out")] == [
        ("settle", "min_similarity", 2, 0.5)
    ]
    assert report.images_out == 2


def test_personal_data_is_in_no_file_of_the_dataset_and_its_work_folder(tmp_path: Path) -> None:
    report = build(tmp_path, "clean.private={phones: false}")
    assert report.replaced == {"email": 1}
    ((record, _, _),) = records(tmp_path / "out")
    assert record.texts[0] == "Write to [EMAIL] about the old mill, or ring the bell."
    for path in (*(tmp_path / "out").rglob("*"), *(tmp_path / "out.work").rglob("*.arrow")):
        assert path.is_dir() or b"jane.doe" not in path.read_bytes(), path
    for path in (tmp_path / "out.work").rglob("*.parquet"):
        assert "jane.doe" not in str(pq.read_table(path).to_pylist()), path


def test_a_document_whose_own_url_is_on_a_blocklist_goes_with_its_images(tmp_path: Path) -> None:
    (tmp_path / "block.txt").write_text("https://mill.example/0\n")
    report = build(tmp_path, f"blocklists=[{tmp_path / 'block.txt'}]", texts=[TEXTS, TEXTS[::-1]])
    assert (report.documents_in, report.documents_out, report.images_in, report.images_out) == (2, 1, 6, 3)
    assert [(row["rule"], row["image"]) for row in ledger(tmp_path / "out")] == [
        ("blocklisted", None),
        ("document_dropped", 0),
        ("document_dropped", 1),
        ("document_dropped", 2),
    ]


# Scores from outside


def scored(folder: Path, keys: list[str], scores: list[float], of: str, **bounds: float) -> list[str]:
    pq.write_table(pa.table({"key": keys, "score": pa.array(scores, pa.float32())}), folder / "scores.parquet")
    limits = "".join(f", {name}: {bound}" for name, bound in bounds.items())
    return [
        f"scores=[{{kind: table, name: quality, of: {of}, path: {folder / 'scores.parquet'}}}]",
        f"clean.rules=[{{kind: score, name: quality, of: {of}{limits}}}]",
    ]


def test_a_table_of_scores_of_images_removes_those_outside_of_the_bounds(tmp_path: Path) -> None:
    keys = [f"https://p.example/{name}" for name in PICTURES[:2]]
    report = build(tmp_path, *scored(tmp_path, keys, [0.25, 0.75], "image", min=0.5))
    assert [(row["rule"], row["image"], row["value"], row["threshold"]) for row in ledger(tmp_path / "out")] == [
        ("score.quality", 0, 0.25, 0.5)
    ]
    assert report.images_out == 2  # the third has no score


def test_a_table_of_scores_of_documents_is_joined_by_url(tmp_path: Path) -> None:
    overrides = scored(tmp_path, ["https://mill.example/1"], [0.9], "document", max=0.5)
    report = build(tmp_path, *overrides, texts=[TEXTS, TEXTS[::-1]])
    assert (report.documents_out, report.images_out) == (1, 3)
    signals = pq.read_table(tmp_path / "out" / "ledger" / "documents.parquet").to_pylist()
    assert [row["rule.score.quality"] for row in signals] == [None, pytest.approx(0.9)]


def test_another_table_is_another_recipe_and_decided_anew(tmp_path: Path) -> None:
    keys = [f"https://p.example/{name}" for name in PICTURES]
    assert build(tmp_path, *scored(tmp_path, keys, [0.9, 0.9, 0.9], "image", min=0.5)).images_out == 3
    again = build(tmp_path, *scored(tmp_path, keys, [0.1, 0.9, 0.9], "image", min=0.5))
    assert again.images_out == 2
    assert {line.stage: line.num_done_before for line in again.stages}["measure"] == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["clean.rules=[{kind: score, name: x, max: 1}]"], "there are no scores 'x' of images; there are none"),
        (["align.similarity=clip"], "there are no scores 'clip' of pairs; there are none"),
        (
            ["scores=[{kind: table, name: q, of: image, path: a}, {kind: table, name: q, of: image, path: b}]"],
            "scores need different names",
        ),
        (["scores=[{kind: tables, name: q}]"], "did you mean 'table'"),
    ],
)
def test_scores_that_are_not_there_are_named_before_any_work(overrides: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(RECIPE, overrides)


# Faces


def faces_table(folder: Path, boxes: list[tuple[str, list[dict[str, float]]]]) -> None:
    table = {
        "key": [key for key, _ in boxes],
        "score": pa.array([len(found) for _, found in boxes], pa.float32()),
        "boxes": pa.array([found for _, found in boxes], pa.list_(BOX)),
    }
    pq.write_table(pa.table(table), folder / "faces.parquet")


def test_faces_are_blurred_where_a_table_found_them_and_nothing_else_changes(tmp_path: Path) -> None:
    names = sorted(PICTURES)
    keys = [hashlib.sha256((SAMPLE / "images" / name).read_bytes()).hexdigest() for name in names]
    box = {"left": 0.25, "top": 0.25, "right": 0.5, "bottom": 0.5, "confidence": 0.9}
    faces_table(tmp_path, sorted([(keys[0], [box]), (keys[1], [])]))
    scores = f"scores=[{{kind: faces, name: faces, path: {tmp_path / 'faces.parquet'}}}]"
    build(tmp_path, scores)
    ((record, _, before),) = records(tmp_path / "out")
    report = build(tmp_path, scores, "images.blur_faces=faces")
    assert report.faces_blurred == 1
    assert {line.stage: line.num_done_before for line in report.stages}["dedup"] == 1
    ((_, _, after),) = records(tmp_path / "out")
    changed = [info["sha256"] for info, old, new in zip(record.image_info, before, after, strict=True) if old != new]
    assert changed == [keys[0]]
    at = [info["sha256"] for info in record.image_info].index(keys[0])
    sharp, blurred = decode_rgb(before[at]).astype(int), decode_rgb(after[at]).astype(int)
    assert sharp.shape == blurred.shape
    height, width, _ = sharp.shape
    # Outside of the box and its margin only the second encoding shows.
    assert np.abs(sharp - blurred)[: height // 5].mean() < 3
    inside = (slice(height // 4, height // 2), slice(width // 4, width // 2))
    assert np.abs(np.diff(blurred[inside], axis=0)).mean() < 0.5 * np.abs(np.diff(sharp[inside], axis=0)).mean() + 0.5


def test_faces_that_no_table_knows_are_named_before_any_work() -> None:
    with pytest.raises(RecipeError, match="there are no faces 'faces' in `scores`"):
        load_recipe(RECIPE, ["images.blur_faces=faces"])


# The same bytes


EVERYTHING = [
    "clean.private={phones: false}",
    "clean.rules=[{kind: preset, name: looks}, {kind: preset, name: obelics}, {kind: preset, name: gopher},"
    " {kind: num_words, of: sentence, min: 4}, {kind: stopwords, of: around_image, min: 0.05},"
    " {kind: language, min: 0.5}, {kind: sample, keep: 0.5}]",
    "align={similarity: position, assign: linear, min_similarity: 0.1}",
    "dedup={documents: {url: newest, same_images: 1}, paragraphs: {}, images: {max_copies: 1, policy: keep_n}}",
]


def test_a_digest_is_the_same_for_any_number_of_workers_and_any_seed_of_hashes(tmp_path: Path) -> None:
    digests = set()
    for workers, seed in ((1, "0"), (3, "2")):
        output = tmp_path / str(workers) / "out"
        overrides = [
            word
            for override in (f"output={output}", f"source.path={split_input()}", *EVERYTHING)
            for word in ("--set", override)
        ]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        ran = process("build", RECIPE, *overrides, "--workers", str(workers), "--json", env=environment)
        assert ran.returncode == 0, ran.stderr
        digests.add(orjson.loads(ran.stdout)["datasets"][0]["digest"])
    assert len(digests) == 1


# What the recipe names is looked at before the long work


@pytest.mark.parametrize(
    "columns", [{"key": ["a"]}, {"key": ["a"], "boxes": [[1.0]]}], ids=["no boxes", "boxes that are numbers"]
)
def test_a_table_without_boxes_blurs_nothing(tmp_path: Path, columns: dict[str, list[object]]) -> None:
    pq.write_table(pa.table({"score": pa.array([1.0], pa.float32())} | columns), tmp_path / "faces.parquet")
    scores = f"scores=[{{kind: faces, name: faces, path: {tmp_path / 'faces.parquet'}}}]"
    with pytest.raises(RecipeError, match="expected one Parquet file"):
        build(tmp_path, scores, "images.blur_faces=faces")
    assert not (tmp_path / "out.work" / "measure").exists()


def test_another_list_of_words_is_another_recipe(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("the\n")
    rule = f"clean.rules=[{{kind: stopwords, of: sentence, file: {tmp_path / 'words.txt'}, min: 0.1}}]"
    before = load_recipe(RECIPE, [rule]).hash()
    (tmp_path / "words.txt").write_text("of\n")
    assert load_recipe(RECIPE, [rule]).hash() != before


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{kind: language, keep: [en, klingon]}", "no language is detected as klingon"),
        ("{kind: stopwords, language: xx, min: 0.1}", "no list of stopwords for 'xx'"),
    ],
)
def test_languages_that_nobody_knows_are_named(rule: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(RECIPE, [f"clean.rules=[{rule}]"])


def test_what_was_taken_down_does_not_come_back_unseen(tmp_path: Path) -> None:
    build(tmp_path, texts=[TEXTS, TEXTS[::-1]])
    ran = command("takedown", tmp_path / "out", "--url", "https://mill.example/0")
    assert ran.returncode == 0, ran.stderr
    with pytest.raises(TaskError, match="says what was taken down"):
        build(tmp_path, "align.place=after", texts=[TEXTS, TEXTS[::-1]])
    record = tmp_path / "out" / "takedowns.txt"
    report = build(tmp_path, "align.place=after", f"blocklists=[{record}]", texts=[TEXTS, TEXTS[::-1]])
    assert report.documents_out == 1
