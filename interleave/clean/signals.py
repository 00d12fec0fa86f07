"""What rules can ask about a document and its images: plain numbers, measured without judging."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from interleave.document import Image, MeasuredDocument

# A character of a script that puts no spaces between words is a word of its own; so "一只猫 sat" has four words.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+(?:['’][^\W{_UNSPACED}]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSignals:
    """What is known of one image."""

    width: int
    height: int
    # px, upright, as the source has it.
    url_path: str
    # Lower case; the image's URL without host and query.
    num_faces: int | None
    best_similarity: float | None
    matched_similarity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSignals:
    """What is known of a document, counting the images that are left in it."""

    num_images: int
    num_readable_images: int
    num_source_images: int
    num_sentences: int
    num_words: int
    num_characters: int
    language: str | None


def words(text: str) -> list[str]:
    """Words of a text in any script."""
    return _WORD.findall(text)


def image_signals(image: Image) -> ImageSignals:
    similarities = image.similarities
    known = similarities is not None and len(similarities) > 0
    return ImageSignals(
        width=image.source_width,
        height=image.source_height,
        url_path=_path_of(image.url),
        num_faces=image.num_faces,
        best_similarity=float(similarities.max()) if similarities is not None and known else None,
        matched_similarity=float(similarities[image.matched_sentence]) if similarities is not None and known else None,
    )


def document_signals(document: MeasuredDocument, num_images: int) -> DocumentSignals:
    sentences: Sequence[str] = [sentence for sentence in document.sentences if sentence]
    return DocumentSignals(
        num_images=num_images,
        num_readable_images=len(document.images),
        num_source_images=document.num_source_images,
        num_sentences=len(sentences),
        num_words=sum(len(words(sentence)) for sentence in sentences),
        num_characters=sum(map(len, sentences)),
        language=document.meta.get("language"),
    )


def _path_of(url: str | None) -> str:
    try:
        return urlsplit(url or "").path.lower()
    except ValueError:  # for example an unclosed bracket in the host
        return (url or "").lower()
