"""The second stage: the recipe's thresholds, applied to what was measured. Reads no image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from interleave.clean.rules import DocumentRule, ImageRule, Verdict
from interleave.clean.signals import document_signals, image_signals
from interleave.counts import Counts
from interleave.document import Drop, Image, MeasuredDocument
from interleave.spool import TableWriter, read_documents, write_drops, write_table

STAGE = "clean"

SIGNALS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("image", pa.int32()),
        ("num_images", pa.int32()),
        ("num_readable_images", pa.int32()),
        ("num_source_images", pa.int32()),
        ("num_sentences", pa.int32()),
        ("num_words", pa.int32()),
        ("num_characters", pa.int64()),
        ("language", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("num_faces", pa.int32()),
        ("best_similarity", pa.float32()),
        ("matched_similarity", pa.float32()),
        ("phash", pa.uint64()),
        ("sha256", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideTask:
    """One split, and the rules."""

    documents: str
    # What `measure` wrote.
    drops: str
    signals: str
    # What this stage writes.
    image_rules: tuple[ImageRule, ...]
    document_rules: tuple[DocumentRule, ...]


def decide(task: DecideTask) -> Counts:
    """Writes the drops of a split, and the signals of everything measured in it."""
    counts = Counts()
    drops: list[Drop] = []
    with write_table(Path(task.signals), SIGNALS) as signals:
        for document in read_documents(Path(task.documents)):
            dropped = judge(document, task.image_rules, task.document_rules)
            _write_signals(document, signals)
            drops.extend(dropped)
            counts["documents_in"] += 1
            counts["images_in"] += len(document.images)
    write_drops(Path(task.drops), drops)
    counts.add_drops(drops)
    counts["documents_out"] = counts["documents_in"] - counts.dropped("document")
    counts["images_out"] = counts["images_in"] - counts.dropped("image")
    return counts


def judge(
    document: MeasuredDocument, image_rules: Sequence[ImageRule], document_rules: Sequence[DocumentRule]
) -> list[Drop]:
    """The images of a document that go; where the document goes, all of them and itself."""
    drops = [drop for image in document.images if (drop := _judge_image(document.id, image, image_rules))]
    gone = {drop.image for drop in drops}
    left = [image for image in document.images if image.index not in gone]
    verdict = judge_document(document, len(left), document_rules)
    return drops if verdict is None else [*drops, *drop_document(document.id, left, STAGE, *verdict)]


def judge_document(
    document: MeasuredDocument, num_images: int, rules: Sequence[DocumentRule]
) -> tuple[str, Verdict] | None:
    """The first rule that a document breaks with `num_images` of its images left, or None."""
    if not rules:
        return None
    signals = document_signals(document, num_images)
    return next(((rule.kind, verdict) for rule in rules if (verdict := rule.judge(signals))), None)


def drop_document(doc_id: str, images: Iterable[Image], stage: str, rule: str, verdict: Verdict) -> Iterator[Drop]:
    """The drop of a document, and one for each image that goes with it."""
    yield Drop(doc_id=doc_id, image=None, stage=stage, rule=rule, **verdict._asdict())
    for image in images:
        yield Drop(doc_id=doc_id, image=image.index, stage=stage, rule="document_dropped", detail=rule)


def _judge_image(doc_id: str, image: Image, rules: Sequence[ImageRule]) -> Drop | None:
    if not rules:
        return None
    signals = image_signals(image)
    for rule in rules:
        if verdict := rule.judge(signals):
            return Drop(doc_id=doc_id, image=image.index, stage=STAGE, rule=rule.kind, **verdict._asdict())
    return None


def _write_signals(document: MeasuredDocument, table: TableWriter) -> None:
    about = document_signals(document, len(document.images))
    table.append({"doc_id": document.id} | {name: getattr(about, name) for name in about.__slots__})
    for image in document.images:
        signals = image_signals(image)
        known = ("width", "height", "num_faces", "best_similarity", "matched_similarity")
        table.append(
            {"doc_id": document.id, "image": image.index, "phash": image.phash, "sha256": image.sha256}
            | {name: getattr(signals, name) for name in known}
        )
