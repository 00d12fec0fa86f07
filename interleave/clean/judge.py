"""One document before the rules: which sentences, images, or the whole of it they remove, and what they measured.

    sentences one by one -> paragraphs of what is left -> images -> the document by what is left of it

Every rule measures everything that it looks at, also what an earlier rule of its level removed already: so the effect
of another bound can be seen without measuring again. A paragraph is what the rules on sentences left of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from interleave.align.assign import reassign
from interleave.align.settings import Align
from interleave.clean.bounds import Verdict
from interleave.clean.rules import Named, Rules, Subject
from interleave.clean.score_rules import NO_SCORES, DocumentScores, Scores
from interleave.clean.signals import document_signals, image_signals
from interleave.clean.text_view import Text
from interleave.document import Drop, Image, MeasuredDocument
from interleave.identity import seeded_u64

STAGE = "clean"
# Sentences on either side of an image that count as the text around it.
AROUND = 2
_ALIGN = Align()

Values = tuple[float | None, ...]
Broken = tuple[str, Verdict]
# A rule's name, and its verdict.


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the rules did to a document."""

    drops: list[Drop] = field(default_factory=list)
    sentences: dict[int, Values] = field(default_factory=dict)
    # By index: a value for each rule on sentences, then for each on paragraphs.
    images: dict[int, Values] = field(default_factory=dict)
    document: Values = ()


def judge(
    document: MeasuredDocument,
    rules: Rules,
    seed: int = 0,
    scores: DocumentScores = NO_SCORES,
    align: Align = _ALIGN,
) -> Judgement:
    """What the rules make of a document; where it goes, its images go with it."""
    judged = Judgement()
    whole = Text(tuple(filter(None, document.sentences)), stated_language=document.meta.get("language"))
    gone = _judge_text(document, whole, rules, judged)
    left = [index for index, text in enumerate(document.sentences) if text and index not in gone]
    images = reassign(_judge_images(document, whole, left, rules, judged, scores, align.place), left, align.assign)
    values, broken = judge_document(document, left, images, rules, seed, scores.document)
    if broken is not None:
        judged.drops.extend(drop_document(document.id, images, STAGE, *broken))
    return Judgement(drops=judged.drops, sentences=judged.sentences, images=judged.images, document=values)


def judge_document(
    document: MeasuredDocument,
    left: Sequence[int],
    images: Sequence[Image],
    rules: Rules,
    seed: int = 0,
    scores: Scores = NO_SCORES.document,
) -> tuple[Values, Broken | None]:
    """(a value for each rule on documents, the first that is broken), by the sentences and images that are left."""
    if not rules.document:
        return (), None
    lot = seeded_u64(seed, "sample", document.id) / 2**64
    signals = document_signals(document, images, [document.sentences[index] for index in left], lot)
    lines = tuple(" ".join(document.sentences[index] for index in some) for some in _paragraphs(document, left))
    text = Text(lines, stated_language=document.meta.get("language"))
    return _measure(rules.document, {"document": signals, "text": text, "scores": scores})


def drop_document(doc_id: str, images: Iterable[Image], stage: str, rule: str, verdict: Verdict) -> Iterator[Drop]:
    """The drop of a document, and one for each image that goes with it."""
    yield Drop(doc_id=doc_id, image=None, stage=stage, rule=rule, **verdict._asdict())
    for image in images:
        yield Drop(doc_id=doc_id, image=image.index, stage=stage, rule="document_dropped", detail=rule)


def _judge_text(document: MeasuredDocument, whole: Text, rules: Rules, judged: Judgement) -> set[int]:
    """The sentences that go, by themselves or with their paragraph."""
    gone: set[int] = set()
    present = [index for index, text in enumerate(document.sentences) if text]
    if not (rules.sentence or rules.paragraph):
        return gone
    for index in present:
        values, broken = _measure(rules.sentence, {"text": Text((document.sentences[index],), document=whole)})
        judged.sentences[index] = values
        gone.update(_drop_sentences(document, [index], broken, judged))
    nothing = (None,) * len(rules.paragraph)
    for members in _paragraphs(document, [index for index in present if index not in gone]):
        text = Text(tuple(document.sentences[index] for index in members), document=whole)
        values, broken = _measure(rules.paragraph, {"text": text})
        for index in members:
            judged.sentences[index] += values
        gone.update(_drop_sentences(document, members, broken, judged))
    for index, values in judged.sentences.items():
        judged.sentences[index] = (values + nothing)[: len(rules.sentence) + len(rules.paragraph)]
    return gone


def _drop_sentences(
    document: MeasuredDocument, members: Sequence[int], broken: Broken | None, judged: Judgement
) -> Sequence[int]:
    if broken is None:
        return ()
    rule, verdict = broken
    judged.drops.extend(
        Drop(doc_id=document.id, image=None, sentence=index, stage=STAGE, rule=rule, **verdict._asdict())
        for index in members
    )
    return members


def _judge_images(
    document: MeasuredDocument,
    whole: Text,
    left: Sequence[int],
    rules: Rules,
    judged: Judgement,
    scores: DocumentScores,
    place: Literal["before", "after"],
) -> list[Image]:
    """The images that stay."""
    if not rules.image:
        return list(document.images)
    kept: list[Image] = []
    needs_text = any(named.subject == "text" for named in rules.image)
    for image in document.images:
        around = _around(document, left, image, whole, place) if needs_text else whole
        of_image = scores.images.get(image.index, {})
        values, broken = _measure(
            rules.image, {"image": image_signals(image, len(kept)), "text": around, "scores": of_image}
        )
        judged.images[image.index] = values
        if broken is None:
            kept.append(image)
            continue
        rule, verdict = broken
        judged.drops.append(Drop(doc_id=document.id, image=image.index, stage=STAGE, rule=rule, **verdict._asdict()))
    return kept


def _around(
    document: MeasuredDocument, left: Sequence[int], image: Image, whole: Text, place: Literal["before", "after"]
) -> Text:
    """The sentences nearest to where the source has an image: before, or after, the sentence that it belongs to."""
    at = (bisect_left if place == "before" else bisect_right)(left, image.matched_sentence)
    near = left[max(at - AROUND, 0) : at + AROUND]
    return Text(tuple(document.sentences[index] for index in near), document=whole)


def _measure(rules: Sequence[Named[Any]], subjects: Mapping[Subject, object]) -> tuple[Values, Broken | None]:
    """(what each rule measured, the first that is broken with its verdict)."""
    values: list[float | None] = []
    broken: Broken | None = None
    for name, rule, subject in rules:
        given = subjects[subject]
        value = rule.measure(given)
        values.append(value)
        if broken is None and (verdict := rule.judge(value, given)) is not None:
            broken = name, verdict
    return tuple(values), broken


def _paragraphs(document: MeasuredDocument, left: Collection[int]) -> Iterator[list[int]]:
    """What is left of each paragraph, where anything is; without known paragraphs each sentence is one."""
    if not document.paragraphs:
        yield from ([index] for index in left)
        return
    kept = sorted(left)
    for start, end in pairwise([*document.paragraphs, len(document.sentences)]):
        if members := kept[bisect_left(kept, start) : bisect_left(kept, end)]:
            yield members
