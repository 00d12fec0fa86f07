"""The one place where drops are applied: remove, place, and check again the rules that count what is left."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Literal

from interleave.align.place import place
from interleave.clean.decide import judge_document
from interleave.clean.rules import DocumentRule, Verdict
from interleave.document import Document, MeasuredDocument, Sentence

STAGE = "settle"

# A placeholder that a page wrote out is text, and must stay text for every reader that tokenises `texts` again.
PLACEHOLDER = "<image>"
ESCAPED = "<IMAGE>"


def settle(
    measured: MeasuredDocument,
    dropped: Container[int],
    rules: Sequence[DocumentRule],
    where: Literal["before", "after"],
) -> tuple[Document, tuple[str, Verdict] | None]:
    """The document without the images `dropped` (by index), and the rule that it breaks now, if any."""
    images = [image for image in measured.images if image.index not in dropped]
    parts = place(measured.sentences, images, where)
    document = Document(id=measured.id, source=measured.source, url=measured.url, parts=parts)
    if not parts:
        return document, ("empty_document", Verdict(0, 1))
    return document, judge_document(measured, len(images), rules)


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
