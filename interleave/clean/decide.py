"""The second stage: the recipe's thresholds, applied to what was measured. Reads no image."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from interleave.align.settings import Align
from interleave.align.similarity import Similarity
from interleave.clean.judge import Judgement, Values, judge
from interleave.clean.rules import Named, Rules
from interleave.clean.score_rules import ScoreTables
from interleave.clean.scores import IndexedScores
from interleave.clean.signals import image_signals
from interleave.counts import Counts
from interleave.document import Drop, MeasuredDocument
from interleave.drops import write_drops
from interleave.spool import TableWriter, read_documents, write_table

# What is known of everything, whatever the rules; behind these columns each rule has one with what it measured.
SIGNALS = {
    "documents": pa.schema(
        [
            ("doc_id", pa.string()),
            ("source", pa.string()),
            ("url", pa.string()),
            ("language", pa.string()),
            ("num_sentences", pa.int32()),
            ("num_characters", pa.int64()),
            ("num_source_images", pa.int32()),
            ("num_readable_images", pa.int32()),
        ]
    ),
    "images": pa.schema(
        [
            ("doc_id", pa.string()),
            ("image", pa.int32()),
            ("sha256", pa.string()),
            ("phash", pa.uint64()),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("sharpness", pa.float32()),
            ("entropy", pa.float32()),
            ("flat", pa.float32()),
            ("text", pa.float32()),
            ("num_frames", pa.int64()),
            ("num_faces", pa.int32()),
            ("best_similarity", pa.float32()),
            ("matched_similarity", pa.float32()),
        ]
    ),
    "sentences": pa.schema([("doc_id", pa.string()), ("sentence", pa.int32()), ("num_characters", pa.int32())]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideTask:
    """One split, and the rules."""

    documents: str
    # What `measure` wrote.
    drops: str
    signals: dict[str, str]
    # What this stage writes, signals by level.
    rules: Rules
    similarity: Similarity
    align: Align
    scores: Mapping[str, IndexedScores]
    # By the name of their table.
    seed: int


def decide(task: DecideTask) -> Counts:
    """Writes the drops of a split, and the signals of everything measured in it."""
    counts = Counts()
    drops: list[Drop] = []
    with ExitStack() as stack:
        tables = {
            level: stack.enter_context(write_table(Path(path), signals_schema(level, task.rules)))
            for level, path in task.signals.items()
        }
        with_similarities, scores = task.similarity.open(), ScoreTables(task.scores)
        for read in read_documents(Path(task.documents)):
            document = with_similarities(read)
            judged = judge(document, task.rules, task.seed, scores.of(document), task.align)
            _write_signals(document, judged, task.rules, tables)
            drops.extend(judged.drops)
            counts["documents_in"] += 1
            counts["images_in"] += len(document.images)
            counts["sentences_in"] += sum(map(bool, document.sentences))
    write_drops(Path(task.drops), drops)
    counts.add_drops(drops)
    counts["documents_out"] = counts["documents_in"] - counts.dropped("document")
    counts["images_out"] = counts["images_in"] - counts.dropped("image")
    return counts


def signals_schema(level: str, rules: Rules) -> pa.Schema:
    """Columns of the signals of `documents`, `images` or `sentences`."""
    schema = SIGNALS[level]
    for name in _names(level, rules):
        schema = schema.append(pa.field(name, pa.float32()))
    return schema


def _names(level: str, rules: Rules) -> list[str]:
    """The columns of rules."""
    groups: dict[str, tuple[Named[Any], ...]] = {
        "documents": rules.document,
        "images": rules.image,
        "sentences": (*rules.sentence, *rules.paragraph),
    }
    return [f"rule.{named.name}" for named in groups[level]]


def _write_signals(document: MeasuredDocument, judged: Judgement, rules: Rules, tables: dict[str, TableWriter]) -> None:
    sentences = [sentence for sentence in document.sentences if sentence]
    tables["documents"].append(
        {
            "doc_id": document.id,
            "source": document.source,
            "url": document.url,
            "language": document.meta.get("language"),
            "num_sentences": len(sentences),
            "num_characters": sum(map(len, sentences)),
            "num_source_images": document.num_source_images,
            "num_readable_images": len(document.images),
        }
        | _by_name("documents", rules, judged.document)
    )
    for image in document.images:
        signals = image_signals(image)
        known = ("width", "height", "num_faces", "best_similarity", "matched_similarity")
        tables["images"].append(
            {"doc_id": document.id, "image": image.index, "phash": image.phash, "sha256": image.sha256}
            | {name: getattr(signals, name) for name in known}
            | asdict(image.looks)
            | _by_name("images", rules, judged.images.get(image.index, ()))
        )
    for index, values in judged.sentences.items():
        tables["sentences"].append(
            {"doc_id": document.id, "sentence": index, "num_characters": len(document.sentences[index])}
            | _by_name("sentences", rules, values)
        )


def _by_name(level: str, rules: Rules, values: Values) -> dict[str, float | None]:
    return dict(zip(_names(level, rules), values, strict=False))
