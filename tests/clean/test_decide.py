from pathlib import Path

import pyarrow.parquet as pq
from records import make_image, make_measured

from interleave.clean.decide import DecideTask, decide, judge
from interleave.clean.rules import BestSimilarity, Faces, ImageSide, NumImages, NumSentences
from interleave.spool import read_drops, write_documents

SIDE = ImageSide(kind="image_side", min=150)
FACES = Faces(kind="faces")
NEEDS_ONE = NumImages(kind="num_images", min=1)
BIG, SMALL = make_image(0), make_image(1, width=100)


def test_the_first_rule_that_an_image_breaks_is_the_one_in_the_ledger() -> None:
    both = make_image(3, width=100, num_faces=2)
    (drop,) = judge(make_measured(images=[both]), (SIDE, FACES), ())
    assert (drop.image, drop.stage, drop.rule, drop.value, drop.threshold) == (3, "clean", "image_side", 100, 150)
    (drop,) = judge(make_measured(images=[both]), (FACES, SIDE), ())
    assert (drop.image, drop.rule, drop.value, drop.threshold) == (3, "faces", 2, 0)


def test_a_document_is_judged_by_the_images_that_its_rules_left() -> None:
    drops = judge(make_measured(images=[BIG, SMALL]), (SIDE,), (NEEDS_ONE,))
    assert [(drop.image, drop.rule) for drop in drops] == [(1, "image_side")]
    drops = judge(make_measured(images=[SMALL]), (SIDE,), (NEEDS_ONE,))
    assert [(drop.image, drop.rule) for drop in drops] == [(1, "image_side"), (None, "num_images")]


def test_the_images_of_a_dropped_document_are_counted_as_dropped_with_it() -> None:
    drops = judge(make_measured(images=[BIG, SMALL]), (SIDE,), (NumSentences(kind="num_sentences", min=2), NEEDS_ONE))
    assert [(drop.image, drop.rule, drop.detail) for drop in drops] == [
        (1, "image_side", ""),
        (None, "num_sentences", ""),
        (0, "document_dropped", "num_sentences"),
    ]


def test_without_rules_everything_stays() -> None:
    assert judge(make_measured([], images=[BIG, SMALL]), (), ()) == []


def test_what_goes_in_comes_out_or_is_in_the_ledger_and_signals_hold_both(tmp_path: Path) -> None:
    documents = [
        make_measured(["One."], [make_image(0, similarities=[0.5]), SMALL], doc_id="a" * 32),
        make_measured(["Two."], [SMALL], doc_id="b" * 32, language="en"),
        make_measured(["Three."], [make_image(0, similarities=[0.125])], doc_id="c" * 32),
    ]
    with write_documents(tmp_path / "documents.parquet") as table:
        for document in documents:
            table.append(document)
    counts = decide(
        DecideTask(
            documents=str(tmp_path / "documents.parquet"),
            drops=str(tmp_path / "drops.parquet"),
            signals=str(tmp_path / "signals.parquet"),
            image_rules=(SIDE, BestSimilarity(kind="best_similarity", min=0.25)),
            document_rules=(NEEDS_ONE,),
        )
    )
    assert dict(counts) == {
        "documents_in": 3,
        "images_in": 4,
        "documents_out": 1,
        "images_out": 1,
        "drop/document/clean/num_images": 2,
        "drop/image/clean/image_side": 2,
        "drop/image/clean/best_similarity": 1,
    }
    drops = read_drops(tmp_path / "drops.parquet")
    assert {(drop.doc_id[0], drop.image, drop.rule) for drop in drops} == {
        ("a", 1, "image_side"),
        ("b", 1, "image_side"),
        ("b", None, "num_images"),
        ("c", 0, "best_similarity"),
        ("c", None, "num_images"),
    }
    rows = pq.read_table(tmp_path / "signals.parquet").to_pylist()
    assert [(row["doc_id"][0], row["image"]) for row in rows] == [
        ("a", None),
        ("a", 0),
        ("a", 1),
        ("b", None),
        ("b", 1),
        ("c", None),
        ("c", 0),
    ]
    assert [row["language"] for row in rows if row["image"] is None] == [None, "en", None]
    assert [row["best_similarity"] for row in rows if row["image"] is not None] == [0.5, None, None, 0.125]
