from pathlib import Path

import pyarrow.parquet as pq
from records import make_image, make_measured, read_drops

from interleave.align.settings import Align
from interleave.align.similarity import Similarity
from interleave.clean.decide import SIGNALS, DecideTask, decide
from interleave.clean.document_rules import NumImages
from interleave.clean.image_rules import BestSimilarity, ImageSide
from interleave.clean.rules import sort_rules
from interleave.clean.text_rules import NumWords
from interleave.counts import Counts
from interleave.spool import write_documents

SIDE = ImageSide(kind="image_side", min=150)
NEEDS_ONE = NumImages(kind="num_images", min=1)
SMALL = make_image(1, width=100)


def run(tmp_path: Path) -> Counts:
    documents = [
        make_measured(["One."], [make_image(0, similarities=[0.5]), SMALL], doc_id="a" * 32),
        make_measured(["Two.", "", "One more sentence."], [SMALL], doc_id="b" * 32, language="en"),
        make_measured(["Three."], [make_image(0, similarities=[0.125])], doc_id="c" * 32),
    ]
    with write_documents(tmp_path / "documents.parquet") as table:
        for document in documents:
            table.append(document)
    return decide(
        DecideTask(
            documents=str(tmp_path / "documents.parquet"),
            drops=str(tmp_path / "drops.parquet"),
            signals={level: str(tmp_path / f"{level}.parquet") for level in SIGNALS},
            rules=sort_rules(
                (
                    SIDE,
                    BestSimilarity(kind="best_similarity", min=0.25),
                    NEEDS_ONE,
                    NumWords(kind="num_words", of="sentence", max=2),
                )
            ),
            similarity=Similarity(),
            align=Align(),
            scores={},
            seed=0,
        )
    )


def test_what_goes_in_comes_out_or_is_in_the_ledger(tmp_path: Path) -> None:
    assert dict(run(tmp_path)) == {
        "documents_in": 3,
        "images_in": 4,
        "sentences_in": 4,
        "documents_out": 1,
        "images_out": 1,
        "drop/document/clean/num_images": 2,
        "drop/image/clean/image_side": 2,
        "drop/image/clean/best_similarity": 1,
        "drop/sentence/clean/sentence.num_words": 1,
    }
    drops = read_drops(tmp_path / "drops.parquet")
    assert {(drop.doc_id[0], drop.image, drop.rule) for drop in drops if drop.sentence is None} == {
        ("a", 1, "image_side"),
        ("b", 1, "image_side"),
        ("b", None, "num_images"),
        ("c", 0, "best_similarity"),
        ("c", None, "num_images"),
    }
    assert [(drop.doc_id[0], drop.sentence) for drop in drops if drop.sentence is not None] == [("b", 2)]


def test_signals_hold_what_was_measured_of_what_is_kept_too(tmp_path: Path) -> None:
    run(tmp_path)
    documents, images, sentences = (pq.read_table(tmp_path / f"{level}.parquet").to_pylist() for level in SIGNALS)
    assert [(row["doc_id"][0], row["language"], row["rule.num_images"]) for row in documents] == [
        ("a", None, 1),
        ("b", "en", 0),
        ("c", None, 0),
    ]
    assert [(row["doc_id"][0], row["image"], row["rule.image_side"]) for row in images] == [
        ("a", 0, 200),
        ("a", 1, 100),
        ("b", 1, 100),
        ("c", 0, 200),
    ]
    assert [row["rule.best_similarity"] for row in images] == [0.5, None, None, 0.125]
    assert [(row["doc_id"][0], row["sentence"], row["rule.sentence.num_words"]) for row in sentences] == [
        ("a", 0, 1),
        ("b", 0, 1),
        ("b", 2, 3),
        ("c", 0, 1),
    ]
