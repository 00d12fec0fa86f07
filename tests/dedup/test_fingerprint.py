from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from records import make_image, make_measured

from interleave.counts import Counts
from interleave.dedup import columns
from interleave.dedup.fingerprint import FingerprintTask, fingerprint
from interleave.dedup.tables import NO_DATE, FingerprintFiles
from interleave.document import Drop, MeasuredDocument
from interleave.drops import write_drops
from interleave.spool import write_documents

Rows = list[dict[str, Any]]


def run(
    folder: Path, documents: Sequence[MeasuredDocument], decided: Sequence[Drop] = ()
) -> tuple[Counts, Rows, Rows, Rows]:
    """Counts, and the rows of documents, images and paragraphs."""
    with write_documents(folder / "documents") as table:
        for document in documents:
            table.append(document)
    write_drops(folder / "drops", decided)
    into = [str(folder / f"{what}.parquet") for what in ("documents", "images", "paragraphs")]
    files = FingerprintFiles(documents=into[0], images=into[1], paragraphs=into[2])
    counts = fingerprint(
        FingerprintTask(documents=str(folder / "documents"), dropped=(str(folder / "drops"),), into=files)
    )
    found = [pq.read_table(path).to_pylist() for path in into]
    return counts, found[0], found[1], found[2]


def doc(name: str, *sentences: str, **changes: Any) -> MeasuredDocument:
    return replace(make_measured(sentences, doc_id=name * 32), **changes)


def drop(name: str, **what: Any) -> Drop:
    return Drop(**({"doc_id": name * 32, "image": None, "stage": "clean", "rule": "some"} | what))


def test_what_the_rules_left_of_documents_images_and_sentences_is_in_the_tables(tmp_path: Path) -> None:
    images = [make_image(index, phash=index) for index in (3, 0, 5)]
    documents = [
        doc("a", "Gone with its images.", images=(images[0],)),
        doc("b", "One two.", "", "Gone.", "Three.", images=tuple(images)),
        doc("c", "...", "Four five six."),
    ]
    decided = [drop("a"), drop("a", image=3), drop("b", image=0), drop("b", sentence=2)]
    counts, rows, pictures, paragraphs = run(tmp_path, documents, decided)
    assert [row["id"].hex()[0] for row in rows] == ["b", "c"]
    assert [row["num_characters"] for row in rows] == [len("One two.Three."), len("...Four five six.")]
    assert [row["num_shingles"] for row in rows] == [1, 1]
    assert [(row["document"], row["image"], row["phash"]) for row in pictures] == [(0, 3, 3), (0, 5, 5)]
    assert [row["sha256"].hex() for row in pictures] == [f"{index:064x}" for index in (3, 5)]
    assert [(row["document"], row["sentences"], row["num_words"]) for row in paragraphs] == [
        (0, [0], 2),
        (0, [3], 1),
        (1, [1], 3),
    ]
    assert (counts["documents_out"], counts["images_out"]) == (2, 2)


def test_paragraphs_are_those_of_the_source_without_what_is_gone(tmp_path: Path) -> None:
    documents = [
        doc("a", "One.", "Two.", "Gone.", "", "Three.", "Four.", paragraphs=(0, 2, 4, 5)),
        doc("b", "One.", "Two.", paragraphs=(0,)),
        doc("c", "One.", "Two."),
    ]
    _, _, _, paragraphs = run(tmp_path, documents, [drop("a", sentence=2)])
    assert [(row["document"], row["sentences"]) for row in paragraphs] == [
        (0, [0, 1]),
        (0, [4]),
        (0, [5]),
        (1, [0, 1]),
        (2, [0]),
        (2, [1]),
    ]
    hashes = [row["hash"] for row in paragraphs]
    assert hashes[0] == hashes[3]
    assert len(set(hashes)) == 5


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:01Z", 1),
        ("0001-01-01T00:00:00+14:00", -62_135_596_800 - 14 * 3600),
        ("yesterday", NO_DATE),
        ("", NO_DATE),
        (None, NO_DATE),
    ],
)
def test_a_date_is_seconds_since_1970_and_one_that_cannot_be_read_is_none(
    tmp_path: Path, date: str | None, seconds: int
) -> None:
    _, rows, _, _ = run(tmp_path, [doc("a", "x", meta={} if date is None else {"date": date})])
    assert rows[0]["date"] == seconds


def test_urls_are_the_same_in_every_spelling_and_so_are_their_hosts(tmp_path: Path) -> None:
    urls = ["http://A.example:80/x#y", "http://a.example/x", "https://a.example/", "http://[bad", "", None]
    _, rows, _, _ = run(tmp_path, [doc(letter, "x", url=url) for letter, url in zip("abcdef", urls, strict=True)])
    keys, domains = [row["url"] for row in rows], [row["domain"] for row in rows]
    assert keys[0] == keys[1] != keys[2]
    assert domains[0] == domains[1] == domains[2] != 0
    assert [row["host"] for row in rows][:3] == ["a.example"] * 3
    assert (domains[3:], keys[4:]) == ([0, 0, 0], [0, 0])


def test_tables_do_not_depend_on_how_many_rows_are_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [doc(f"{number:x}", f"Text {number}.", images=(make_image(),)) for number in range(10)]
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    whole = run(tmp_path / "one", documents)
    monkeypatch.setattr("interleave.spool._ROWS_PER_GROUP", 3)
    monkeypatch.setattr(columns, "_ROWS_PER_GROUP", 4)
    assert run(tmp_path / "other", documents) == whole
    assert pq.read_metadata(tmp_path / "other" / "documents.parquet").num_row_groups == 2


def test_of_no_documents_there_are_no_rows(tmp_path: Path) -> None:
    assert run(tmp_path, [])[1:] == ([], [], [])
    assert run(tmp_path, [doc("a", "x")], [drop("a")])[1:] == ([], [], [])
    assert [row["num_shingles"] for row in run(tmp_path, [doc("a"), doc("b", "", "...")])[1]] == [0, 0]
