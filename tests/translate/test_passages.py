"""Samples as passages: parts of a document joined, sentences whole again, what was taken down left out."""

from __future__ import annotations

from pathlib import Path

from fixtures_build import build_small, copy_of, records, sample_dataset, small_dataset, whole_documents
from fixtures_translate import export
from typer.testing import CliRunner

from interleave.cli import app
from interleave.stream.reader import DatasetReader
from interleave.translate.mmc4_fields import mmc4_record, numbered
from interleave.translate.passages import Passage, Passages, Picture, join


def documents(dataset: Path) -> dict[str, list[str]]:
    """Texts and names of images' sources, by document."""
    passages = Passages(DatasetReader(dataset), quiet=True)
    return {
        passage.doc_id: [part if isinstance(part, str) else str(part.sha256) for part in passage.parts]
        for _, passage in passages.documents("read")
    }


def test_parts_of_a_document_are_joined_to_what_it_was() -> None:
    assert documents(sample_dataset()) == documents(whole_documents())


def test_a_sentence_that_was_cut_is_whole_again(tmp_path: Path) -> None:
    build_small(tmp_path / "cut" / "six", "encode.context=24", "encode.tokens_per_image=10")
    build_small(tmp_path / "whole" / "six", "encode.context=null")
    assert any(
        record.part and 0 not in record.cuts and record.texts[0] for record, _, _ in records(tmp_path / "cut" / "six")
    )
    assert documents(tmp_path / "cut" / "six") == documents(tmp_path / "whole" / "six")
    passages = Passages(DatasetReader(tmp_path / "cut" / "six"), quiet=True)
    whole = Passages(DatasetReader(tmp_path / "whole" / "six"), quiet=True)
    for (_, found), (_, full) in zip(passages.documents("read"), whole.documents("read"), strict=True):
        for part, complete in zip(found.pictures, full.pictures, strict=True):
            known = [(at, value) for at, value in enumerate(part.similarities or ()) if value is not None]
            assert all((complete.similarities or ())[at] == value for at, value in known)


def test_similarities_of_joined_parts_are_to_the_same_texts() -> None:
    passages = Passages(DatasetReader(sample_dataset()), quiet=True)
    whole = Passages(DatasetReader(whole_documents()), quiet=True)
    expected = {passage.doc_id: passage for _, passage in whole.documents("read")}
    num_known = 0
    for _, passage in passages.documents("read"):
        for found, full in zip(passage.pictures, expected[passage.doc_id].pictures, strict=True):
            for here, there in zip(found.similarities or (), full.similarities or (), strict=False):
                assert here is None or here == there
                num_known += here is not None
    assert num_known > 100


def test_similarities_of_a_part_that_begins_inside_a_sentence_are_to_the_whole_one() -> None:
    first = Passage(key="0", doc_id="d", source="s", url=None, parts=("A.", picture("x", (0.1, 0.2)), "It sle"))
    second = Passage(key="1", doc_id="d", source="s", url=None, parts=("eps.", picture("y", (0.3, 0.4)), "B."))
    joined = join([(False, first), (True, second)])
    assert joined.texts == ("A.", "It sleeps.", "B.")
    assert [part.similarities for part in joined.pictures] == [(0.1, 0.2, None), (None, 0.3, 0.4)]


def test_what_was_taken_down_is_in_no_export(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    gone = next(records(dataset))[0]
    ran = CliRunner().invoke(app, ["takedown", str(dataset), "--url", str(gone.url), "--workers", "1"])
    assert ran.exit_code == 0, ran.output
    assert gone.doc_id not in documents(dataset)
    for form in ("vila-pkl", "openflamingo", "obelics", "sharegpt-json", "packed"):
        export(form, dataset, tmp_path / form)
        data = b"".join(path.read_bytes() for path in (tmp_path / form).rglob("*") if path.is_file())
        assert gone.doc_id.encode() not in data


def picture(name: str, similarities: tuple[float | None, ...] | None) -> Picture:
    return Picture(
        name=name, jpeg=b"j", width=1, height=1, url=None, sha256=None, num_tokens=1, similarities=similarities
    )


def test_images_get_sentences_of_their_own_and_known_similarities_stay() -> None:
    parts = (picture("x", (0.5, None)), picture("y", (0.25, 0.75)), "A.", "B.", picture("z", None))
    passage = Passage(key="0", doc_id="d", source="s", url=None, parts=parts)
    record, num_made_up = mmc4_record(passage, numbered(parts))
    assert num_made_up == 1
    assert record["text_list"] == ["", "A.", "B.", ""]
    assert [info["matched_text_index"] for info in record["image_info"]] == [0, 1, 3]
    assert record["similarity_matrix"] == [[0.5, 0.5, -1.0, -1.0], [-1.0, 0.25, 0.75, -1.0], [0.0, 0.0, 0.0, 1.0]]
