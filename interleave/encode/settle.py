"""The one place where drops are applied: remove, assign and place images, judge again what has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from interleave.align.assign import reassign, similarity_of
from interleave.align.place import place
from interleave.align.settings import Align
from interleave.clean.bounds import Verdict
from interleave.clean.judge import judge_document
from interleave.clean.rules import Rules
from interleave.clean.score_rules import NO_SCORES, Scores
from interleave.document import Document, Drop, Image, MeasuredDocument, Sentence
from interleave.encode.fit import ANYTHING, STAGE, Fit, unfit_images

# A placeholder that a page wrote out is text, and must stay text for every reader that tokenises `texts` again.
PLACEHOLDER = "<image>"
ESCAPED = "<IMAGE>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What earlier stages dropped from one document, by index."""

    images: frozenset[int] = frozenset()
    sentences: frozenset[int] = frozenset()
    changed: bool = False
    # Since the rules judged it: a duplicate of something in it is gone.


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is left of a document."""

    document: Document
    unfit: tuple[Drop, ...] = ()
    # Images that fit the sentence that is left for them too little, or for which there is no room.
    broken: tuple[str, Verdict] | None = None
    # The rule that the document breaks now, by what is left of it.


def settle(
    measured: MeasuredDocument,
    gone: Gone,
    rules: Rules,
    align: Align,
    seed: int = 0,
    scores: Scores = NO_SCORES.document,
    fit: Fit = ANYTHING,
) -> Settled:
    """The document without what is gone, its images assigned to the sentences that are left."""
    sentences = ["" if index in gone.sentences else text for index, text in enumerate(measured.sentences)]
    left = [index for index, text in enumerate(sentences) if text]
    images = reassign([image for image in measured.images if image.index not in gone.images], left, align.assign)
    dissimilar = list(_dissimilar(measured.id, images, align.min_similarity))
    images = _without(images, dissimilar)
    unfit = [*dissimilar, *unfit_images(measured.id, images, fit)]
    empty = frozenset(index for index, text in enumerate(measured.sentences) if not text) - gone.sentences
    parts = place(sentences, _without(images, unfit), align.place, empty if fit.keep_empty else frozenset())
    if not fit.may_end:
        unfit += _at_the_end(measured.id, parts)
    images = _without(images, unfit)
    kept = frozenset(image.index for image in images)
    parts = tuple(part for part in parts if isinstance(part, Sentence) or part.index in kept)
    document = Document(id=measured.id, source=measured.source, url=measured.url, parts=parts)
    broken: tuple[str, Verdict] | None = None
    if not any(isinstance(part, Image) or part.text for part in parts):
        broken = "empty_document", Verdict(0, 1)
    elif gone.changed or unfit:
        broken = judge_document(measured, left, images, rules, seed, scores)[1]
    return Settled(document=document, unfit=tuple(unfit), broken=broken)


def _without(images: Sequence[Image], drops: Sequence[Drop]) -> tuple[Image, ...]:
    out = {drop.image for drop in drops}
    return tuple(image for image in images if image.index not in out)


def _at_the_end(doc_id: str, parts: Sequence[Sentence | Image]) -> list[Drop]:
    """Drops of the images behind which no text follows."""
    last = takewhile(lambda part: isinstance(part, Image) or not part.text, reversed(parts))
    images = [part for part in last if isinstance(part, Image)]
    return [Drop(doc_id=doc_id, image=image.index, stage=STAGE, rule="image_at_the_end") for image in images]


def _dissimilar(doc_id: str, images: Sequence[Image], least: float | None) -> Iterator[Drop]:
    for image in images:
        value = similarity_of(image)
        if least is not None and value is not None and value < least:
            yield Drop(
                doc_id=doc_id, image=image.index, stage=STAGE, rule="min_similarity", value=value, threshold=least
            )


def escape_placeholders(document: Document) -> tuple[Document, int]:
    """The document with each literal placeholder escaped, and how many there were."""
    num_escaped = sum(sentence.text.count(PLACEHOLDER) for sentence in document.sentences)
    if not num_escaped:
        return document, 0
    parts = tuple(
        replace(part, text=part.text.replace(PLACEHOLDER, ESCAPED)) if isinstance(part, Sentence) else part
        for part in document.parts
    )
    return replace(document, parts=parts), num_escaped
