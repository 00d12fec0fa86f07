"""The stage that keeps evaluation sets out: images and questions of benchmarks, found in what the rules left.

evaluation sets ─> fingerprints (once) ─┐
what `decide` left of a split ──────────┴─> images that are a benchmark's, documents that hold its questions: drops
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from interleave.clean.bounds import Verdict
from interleave.clean.judge import drop_document
from interleave.counts import Counts
from interleave.dedup.evaluation.fingerprints import join_fingerprints, read_fingerprints, write_fingerprints
from interleave.dedup.evaluation.formats import Kind, read_evaluation
from interleave.dedup.evaluation.match_images import DEFAULT_DISTANCE, MAX_DISTANCE, match_images
from interleave.dedup.evaluation.match_questions import DEFAULT_SHARE, QuestionMatcher
from interleave.document import Drop, Image, MeasuredDocument
from interleave.drops import Dropped, read_dropped, write_drops
from interleave.errors import RecipeError
from interleave.images.normalise import ImageTarget
from interleave.settings import Location, Settings
from interleave.spool import read_documents

STAGE = "decontaminate"


class EvaluationSet(Settings):
    """Files of a benchmark as its makers give them, or fingerprints of them."""

    path: Location
    """A file or a folder of MME, MMBench, GQA; of images; of questions (text or JSON Lines); or a `.parquet` of
    fingerprints, which `OUTPUT.work/evaluation` holds of each set that was read."""

    kind: Kind | Literal["fingerprints"] = "auto"
    """In which form it is."""

    name: Annotated[str, Field(min_length=1)] | None = None
    """What the ledger calls it. null: the file's or folder's own name."""


class Decontaminate(Settings):
    """Evaluation sets of which nothing may be in the dataset."""

    sets: Annotated[tuple[EvaluationSet, ...], Field(strict=False, min_length=1)]
    """The sets."""

    distance: Annotated[int, Field(ge=0, le=MAX_DISTANCE)] = DEFAULT_DISTANCE
    """Hamming distance of perceptual hashes up to which an image is one of a set's."""

    share: Annotated[float, Field(gt=0, le=1, strict=False)] = DEFAULT_SHARE
    """Share of a question's runs of 13 words from which a document holds it."""

    images: Literal["image", "document"] = "image"
    """What goes where an image is found: it alone, or its document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationTask:
    """One set to take the fingerprints of."""

    set: EvaluationSet
    target: ImageTarget
    table: str
    # What this task writes.


@dataclass(frozen=True, slots=True, kw_only=True)
class DecontaminateTask:
    """One split, and what must not be in it."""

    documents: str
    decided: str
    # What `measure` and `decide` wrote.
    tables: tuple[str, ...]
    # Fingerprints of the sets.
    settings: Decontaminate
    drops: str
    # What this stage writes.


def fingerprint_set(task: EvaluationTask) -> Counts:
    """Writes the fingerprints of an evaluation set."""
    report = write_fingerprints(
        read_evaluation(task.set.path, _kind(task.set), task.set.name), Path(task.table), task.target
    )
    if not (report.num_images or report.num_questions):
        raise RecipeError(
            f"decontaminate.sets: {task.set.path} holds no image and no question of 8 words or more; "
            f"{sum(report.num_refused.values()):,} items cannot be read, "
            f"{report.num_short_questions:,} questions are shorter"
        )
    return Counts(
        evaluation_images=report.num_images,
        evaluation_questions=report.num_questions,
        evaluation_refused=sum(report.num_refused.values()),
    )


def decontaminate(task: DecontaminateTask) -> Counts:
    """Writes the drops of a split."""
    dropped = read_dropped([Path(task.decided)])
    documents = [document for document in read_documents(Path(task.documents)) if document.id not in dropped.documents]
    drops = list(_drops(documents, dropped, task))
    write_drops(Path(task.drops), drops)
    counts = Counts(
        documents_in=len(documents),
        images_in=sum(len(dropped.images_left(document)) for document in documents),
    )
    counts.add_drops(drops)
    counts["documents_out"] = counts["documents_in"] - counts.dropped("document")
    counts["images_out"] = counts["images_in"] - counts.dropped("image")
    return counts


def _drops(documents: Sequence[MeasuredDocument], dropped: Dropped, task: DecontaminateTask) -> Iterator[Drop]:
    known = join_fingerprints(read_fingerprints(Path(table)) for table in task.tables)
    questions = QuestionMatcher(known, task.settings.share)
    images = [(number, image) for number, document in enumerate(documents) for image in dropped.images_left(document)]
    matches = match_images(
        np.array([image.sha256 for _, image in images], dtype="S64"),
        np.array([image.phash for _, image in images], dtype=np.uint64),
        known,
        task.settings.distance,
    )
    found: dict[int, list[tuple[Image, Verdict]]] = {}
    for (number, image), row, bits in zip(images, matches.row.tolist(), matches.hamming.tolist(), strict=True):
        if row >= 0:
            verdict = Verdict(float(bits), float(task.settings.distance), ": ".join(known.image_names[row]))
            found.setdefault(number, []).append((image, verdict))
    for number, document in enumerate(documents):
        left = dropped.images_left(document)
        of_document = _verdict(document, dropped, questions, found.get(number, []), task.settings)
        if of_document is not None:
            yield from drop_document(document.id, left, STAGE, *of_document)
            continue
        for image, verdict in found.get(number, []):
            yield Drop(doc_id=document.id, image=image.index, stage=STAGE, rule="evaluation_image", **verdict._asdict())


def _verdict(
    document: MeasuredDocument,
    dropped: Dropped,
    questions: QuestionMatcher,
    images: Sequence[tuple[Image, Verdict]],
    settings: Decontaminate,
) -> tuple[str, Verdict] | None:
    """Why the whole document goes, if it does."""
    question = questions.match(dropped.sentences_left(document))
    if question is not None:
        return "evaluation_question", Verdict(question.share, settings.share, f"{question.set}: {question.item}")
    return ("evaluation_image", images[0][1]) if images and settings.images == "document" else None


def _kind(evaluation: EvaluationSet) -> Kind:
    assert evaluation.kind != "fingerprints", "fingerprints are read as they are"
    return evaluation.kind
