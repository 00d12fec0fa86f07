"""Is a dataset what Stage 2 needs? Each number beside the published one, and a verdict with its reasons.

Where a number is good enough is this project's judgement, stated with each line; what it is held against is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from interleave.validate.readiness.observe import MAX_READ, Observed
from interleave.validate.readiness.published import (
    CORE_IMAGES_PER_DOCUMENT,
    CORE_SIMILAR_SHARE,
    CORE_SIMILARITY,
    CORE_TOKENS_PER_IMAGE,
    MMC4_REPEATED_SHARE,
    VILA_IMAGES,
)

# The line that says whether there is enough.
_SIZE = "images"


class Grade(StrEnum):
    """What a line says of readiness. INFO says nothing."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table."""

    name: str
    here: str
    published: str
    # Of MMC4-core; empty where nothing is.
    grade: Grade
    reason: str = ""
    # Where the grade is not good: why it matters, and what to do.


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """A table and what it comes to."""

    lines: tuple[Line, ...]
    observed: Observed

    @property
    def grade(self) -> Grade:
        """The worst of all lines."""
        grades = {line.grade for line in self.lines}
        return next((grade for grade in (Grade.BAD, Grade.LOOK) if grade in grades), Grade.GOOD)

    @property
    def verdict(self) -> str:
        bad = [line for line in self.lines if line.grade is Grade.BAD]
        if bad and all(line.name == _SIZE for line in bad):
            return "good to try Stage 2 with, too small to pre-train on"
        return {
            Grade.BAD: "not ready for Stage 2",
            Grade.LOOK: "ready for Stage 2, with something to look at first",
        }.get(self.grade, "ready for Stage 2")

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences, the worst first."""
        ordered = sorted(self.lines, key=lambda line: line.grade is not Grade.BAD)
        return tuple(line.reason for line in ordered if line.reason)

    def as_plain(self) -> dict[str, Any]:
        return {
            "grade": self.grade,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "lines": [asdict(line) for line in self.lines],
            "observed": asdict(self.observed),
        }


def judge(observed: Observed) -> Readiness:
    """Compares what was seen with what was published."""
    return Readiness(lines=tuple(_lines(observed)), observed=observed)


def _lines(seen: Observed) -> Iterator[Line]:
    yield _budget(seen)
    yield Line(
        name="tokens with images",
        here=f"{seen.num_tokens:,}",
        published="",
        grade=Grade.INFO,
    )
    yield from _of_documents(seen)
    yield from _of_texts(seen)
    yield _similarity(seen)
    yield from _copies(seen)
    yield _evaluation(seen)


def _budget(seen: Observed) -> Line:
    share = seen.num_images / VILA_IMAGES
    grade = Grade.GOOD if share >= 0.5 else Grade.LOOK if share >= 0.01 else Grade.BAD
    reason = {
        Grade.LOOK: f"it has {_percent(share)} of the interleaved images that VILA's Stage 2 saw: mix it with others",
        Grade.BAD: f"it has {seen.num_images:,} images, VILA's Stage 2 saw about {VILA_IMAGES / 1e6:.0f} million "
        "interleaved ones: enough to try the path with, not to pre-train on",
    }
    return Line(
        name=_SIZE,
        here=f"{seen.num_images:,}",
        published=f"{VILA_IMAGES / 1e6:.0f} M used",
        grade=grade,
        reason=reason.get(grade, ""),
    )


def _of_documents(seen: Observed) -> Iterator[Line]:
    per_document = seen.num_images / seen.num_documents
    yield Line(
        name="images per document",
        here=f"{per_document:.1f}",
        published=f"{CORE_IMAGES_PER_DOCUMENT:.1f}",
        grade=Grade.INFO,
    )
    yield _held(
        "documents with several images",
        seen.multi_image_documents,
        "100 %",
        good=0.9,
        bad=0.5,
        reason="documents with one image teach no model to tell several apart: drop them (`num_images`, min: 2), "
        "or count them as pairs",
    )
    yield _of_cutting(seen)


def _of_cutting(seen: Observed) -> Line:
    """What is held against the bounds is how much of the documents' share cutting has left."""
    left = seen.multi_image_samples / max(seen.multi_image_documents, 1e-9)
    grade = Grade.GOOD if left >= 0.75 else Grade.LOOK if left >= 0.25 else Grade.BAD
    name, share = "samples with several images", _percent(seen.multi_image_samples)
    reason = f"{name}, {share}: cutting left some with one image, a longer context keeps more images together"
    return Line(name=name, here=share, published="", grade=grade, reason="" if grade is Grade.GOOD else reason)


def _of_texts(seen: Observed) -> Iterator[Line]:
    yield _text_per_image(seen)
    note = "" if seen.num_samples <= MAX_READ else f" (of {seen.num_read:,} samples)"
    for name, share in (
        ("images behind a text", seen.images_with_text_before),
        ("images before a text", seen.images_with_text_behind),
    ):
        yield Line(name=name + note, here=_percent(share), published="", grade=Grade.INFO)
    side = seen.images_side_by_side
    yield Line(
        name="images beside another image" + note,
        here=_percent(side),
        published="",
        grade=Grade.LOOK if side is not None and side > 0.5 else Grade.INFO,
        reason="most images stand side by side without a text between: which text is whose?"
        if side is not None and side > 0.5
        else "",
    )
    few = seen.few_shot_samples
    yield Line(
        name="samples with three shots or more" + note,
        here=_percent(few),
        published="",
        grade=Grade.GOOD if few >= 0.1 else Grade.LOOK,
        reason=""
        if few >= 0.1
        else "hardly a sample has three images with texts between: learning in context comes from those",
    )
    yield Line(name="language", here=_language(seen), published="English", grade=Grade.INFO)


def _text_per_image(seen: Observed) -> Line:
    """Within a factor of four it is good, within sixteen something to look at."""
    per_image = seen.num_text_tokens / seen.num_images if seen.num_images else float("inf")
    factor = max(per_image / CORE_TOKENS_PER_IMAGE, CORE_TOKENS_PER_IMAGE / max(per_image, 1e-9))
    grade = Grade.GOOD if factor <= 4 else Grade.LOOK if factor <= 16 else Grade.BAD
    few = "little text for its images: these are nearly pairs" if per_image < CORE_TOKENS_PER_IMAGE else ""
    many = "few images for its text: most of what is learned is language alone"
    return Line(
        name="tokens of text per image",
        here=f"{per_image:,.0f}",
        published=f"{CORE_TOKENS_PER_IMAGE:.0f}",
        grade=grade,
        reason="" if grade is Grade.GOOD else f"it has {few or many}",
    )


def _similarity(seen: Observed) -> Line:
    name = f"images above a similarity of {CORE_SIMILARITY}"
    published = f">= {CORE_SIMILAR_SHARE:.0%} each"
    if seen.similar_images is None:
        return Line(
            name=name,
            here="not known",
            published=published,
            grade=Grade.LOOK,
            reason="how alike images and texts are is not known: `interleave score` makes a CLIP table, "
            "`align` and the rule `best_similarity` use it",
        )
    if seen.similarity_known < 0.5:
        return Line(
            name=name,
            here=_percent(seen.similar_images),
            published=published,
            grade=Grade.LOOK,
            reason=f"{name}, {_percent(seen.similar_images)}: of {_percent(seen.similarity_known)} of the images "
            "alone, the others' similarity is not known",
        )
    return _held(
        name,
        seen.similar_images,
        published,
        good=0.5,
        bad=0.2,
        reason="many images say little of the sentence beside them (by the source's own similarities, which are "
        "comparable if they are of CLIP ViT-L/14): raise `best_similarity`",
    )


def _copies(seen: Observed) -> Iterator[Line]:
    for name, share, published, good, bad in (
        ("images twice in a document", seen.repeated_in_document, _percent(MMC4_REPEATED_SHARE), 0.03, 0.2),
        ("images in another document, too", seen.repeated_elsewhere, "", 0.05, 0.5),
    ):
        if share is not None:
            grade = Grade.GOOD if share <= good else Grade.LOOK if share <= bad else Grade.BAD
            reason = "" if grade is Grade.GOOD else f"{name}, {_percent(share)}: `dedup.images` removes copies"
            yield Line(name=name, here=_percent(share), published=published, grade=grade, reason=reason)


def _evaluation(seen: Observed) -> Line:
    sets = seen.evaluation_sets
    return Line(
        name="evaluation sets kept out",
        here=", ".join(sets) or "none",
        published="",
        grade=Grade.GOOD if sets else Grade.LOOK,
        reason=""
        if sets
        else "nobody looked whether images or questions of benchmarks are in it: `decontaminate` does, and results on "
        "them mean little without",
    )


def _held(name: str, share: float, published: str, *, good: float, bad: float, reason: str) -> Line:
    grade = Grade.GOOD if share >= good else Grade.LOOK if share >= bad else Grade.BAD
    return Line(
        name=name,
        here=_percent(share),
        published=published,
        grade=grade,
        reason="" if grade is Grade.GOOD else f"{name}, {_percent(share)}: {reason}",
    )


def _language(seen: Observed) -> str:
    """As the ledger has it; else by the letters."""
    if seen.languages:
        total = sum(seen.languages.values())
        most = sorted(seen.languages.items(), key=lambda item: (-item[1], item[0]))[:3]
        return ", ".join(f"{name} {_percent(count / total)}" for name, count in most)
    return f"{_percent(seen.unspaced_text)} CJK or Thai"


def _percent(share: float | None) -> str:
    if share is None:
        return "none"
    return f"{100 * share:.1f} %" if 0 < share < 0.0995 or 0.995 <= share < 1 else f"{100 * share:.0f} %"
