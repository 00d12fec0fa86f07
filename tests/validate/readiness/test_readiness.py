"""Readiness for Stage 2: numbers counted by hand, and what each comes to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from fixtures_build import command, copy_of, edit_shard, records, sample_dataset, small_dataset

from interleave.errors import ShardError
from interleave.validate.readiness.copies import repeated_elsewhere, repeated_in_document
from interleave.validate.readiness.judge import Grade, judge
from interleave.validate.readiness.observe import Observed, observe, of_texts

GOOD = Observed(
    num_documents=7_000_000,
    num_samples=7_000_000,
    num_images=28_000_000,
    num_tokens=18_000_000_000,
    num_text_tokens=2_400_000_000,
    multi_image_documents=1.0,
    multi_image_samples=0.99,
    images_with_text_before=0.9,
    images_with_text_behind=0.9,
    images_side_by_side=0.1,
    few_shot_samples=0.5,
    unspaced_text=0.0,
    languages={"en": 7_000_000},
    similar_images=0.9,
    similarity_known=1.0,
    repeated_in_document=0.01,
    repeated_elsewhere=0.01,
    evaluation_sets=("MME",),
    num_read=1000,
)


def test_numbers_are_those_of_the_samples() -> None:
    seen = observe(sample_dataset())
    found = [record for record, _, _ in records(sample_dataset())]
    by_document: dict[str, int] = {}
    for record in found:
        by_document[record.doc_id] = by_document.get(record.doc_id, 0) + len(record.image_members)
    assert (seen.num_samples, seen.num_documents) == (len(found), len(by_document))
    assert seen.num_images == sum(by_document.values())
    assert seen.num_tokens - seen.num_text_tokens == sum(sum(record.span_tokens) for record in found)
    assert seen.multi_image_documents == pytest.approx(sum(n > 1 for n in by_document.values()) / len(by_document))
    behind = sum(
        a is not None and b is None for record in found for a, b in zip(record.texts, record.texts[1:], strict=False)
    )
    assert seen.images_with_text_before == pytest.approx(behind / seen.num_images)


def test_shots_and_neighbours_of_images_are_counted() -> None:
    """`A [1] [2] B [3]`: behind a text are 1 and 3, before a text is 2, side by side are 1 and 2; two shots."""
    record = next(record for record, _, _ in records(sample_dataset()))
    found = of_texts(replace(record, texts=("A b", None, None, "猫", None)))
    assert (found["num_images"], found["num_before"], found["num_behind"]) == (3, 2, 1)
    assert (found["num_side_by_side"], found["num_few_shot"]) == (2, 0)
    assert (found["num_letters"], found["num_unspaced"]) == (3, 1)
    assert of_texts(replace(record, texts=(None, "A", None, "B", None)))["num_few_shot"] == 1


def pictures(*rows: tuple[str, int]) -> pa.Table:
    return pa.table(
        {
            "doc_id": [document for document, _ in rows],
            "image": list(range(len(rows))),
            "phash": pa.array([phash for _, phash in rows], pa.uint64()),
        }
    )


def test_pictures_are_repeated_in_their_document_up_to_five_bits() -> None:
    far = 0xFFFF_0000_FFFF_0000
    assert repeated_in_document(pictures(("a", 0), ("a", 0b11111), ("a", far), ("b", 0))) == 1 / 4
    assert repeated_in_document(pictures(("a", 0), ("a", 0b111111))) == 0
    assert repeated_in_document(pictures()) is None


def test_pictures_are_in_another_document_up_to_two_bits() -> None:
    far = 0xFFFF_0000_FFFF_0000
    assert repeated_elsewhere(pictures(("a", 0), ("b", 0), ("a", far))) == pytest.approx(2 / 3)
    assert repeated_elsewhere(pictures(("a", 0), ("b", 0b11), ("a", far), ("a", far))) == pytest.approx(2 / 4)
    # Of one document alone, equal and alike.
    assert repeated_elsewhere(pictures(("a", 0), ("a", 0), ("a", 1))) == 0
    assert repeated_elsewhere(pictures()) is None


def test_what_is_like_mmc4_core_and_as_large_is_ready() -> None:
    readiness = judge(GOOD)
    assert readiness.grade is Grade.GOOD and readiness.verdict == "ready for Stage 2" and readiness.reasons == ()


@pytest.mark.parametrize(
    ("changes", "grade", "words"),
    [
        ({"multi_image_documents": 0.2, "multi_image_samples": 0.2}, Grade.BAD, "tell several apart"),
        ({"multi_image_samples": 0.6}, Grade.LOOK, "cutting left"),
        ({"num_text_tokens": 28_000_000 * 4}, Grade.BAD, "nearly pairs"),
        ({"num_text_tokens": 28_000_000 * 900}, Grade.LOOK, "language alone"),
        ({"similar_images": None}, Grade.LOOK, "not known"),
        ({"similarity_known": 0.1}, Grade.LOOK, "the others' similarity is not known"),
        ({"similar_images": 0.1}, Grade.BAD, "say little of the sentence"),
        ({"repeated_in_document": 0.5}, Grade.BAD, "removes copies"),
        ({"evaluation_sets": ()}, Grade.LOOK, "decontaminate"),
        ({"images_side_by_side": 0.8}, Grade.LOOK, "side by side"),
        ({"few_shot_samples": 0.01}, Grade.LOOK, "learning in context"),
        ({"num_images": 1_000_000, "num_text_tokens": 80_000_000}, Grade.LOOK, "mix it with others"),
    ],
)
def test_each_weakness_has_its_reason(changes: dict[str, object], grade: Grade, words: str) -> None:
    readiness = judge(replace(GOOD, **changes))  # type: ignore[arg-type]
    assert readiness.grade is grade
    assert len(readiness.reasons) == 1 and words in readiness.reasons[0]


def test_what_is_good_and_small_is_called_so() -> None:
    small = replace(GOOD, num_documents=25, num_images=100, num_text_tokens=8000)
    assert judge(small).verdict == "good to try Stage 2 with, too small to pre-train on"


def test_the_command_adds_a_table_and_a_verdict() -> None:
    shown = command("validate", sample_dataset(), "--level", "quick", "--readiness").stdout
    assert "MMC4-core" in shown and ("too small to pre-train on" in shown or "not ready" in shown)
    plain = orjson.loads(command("validate", sample_dataset(), "--level", "quick", "--readiness", "--json").stdout)
    assert plain["readiness"]["observed"]["num_images"] == plain["num_images"]
    assert {line["grade"] for line in plain["readiness"]["lines"]} <= {"good", "look", "bad", "info"}


def test_shards_that_are_not_sound_have_no_readiness(tmp_path: Path) -> None:
    dataset = copy_of(small_dataset(), tmp_path / "six")
    edit_shard(dataset, lambda members: [(n, b"no JPEG" if n.endswith(".jpg") else d) for n, d in members])
    ran = command("validate", dataset, "--readiness", "--json")
    assert ran.returncode == 1 and "readiness" not in orjson.loads(ran.stdout) and "readiness" in ran.stderr


def test_readiness_of_a_tar_is_refused_before_anything_is_validated() -> None:
    ran = command("validate", sample_dataset() / "shard-0000.tar", "--readiness")
    assert ran.returncode == 2 and "is of whole datasets" in ran.stderr and not ran.stdout


def test_a_folder_that_is_no_dataset_has_no_readiness(tmp_path: Path) -> None:
    with pytest.raises(ShardError):
        observe(tmp_path)
    with pytest.raises(ShardError, match="is of whole datasets"):
        observe(sample_dataset() / "shard-0000.tar")
