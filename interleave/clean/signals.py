"""What rules can ask about a document and its images: plain numbers, measured without judging."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from interleave.align.assign import similarity_of
from interleave.document import Image, Looks, MeasuredDocument

# Capitals alone, or letters of which the first may be a capital: "HTMLLogo2x" is HTML, Logo, x. Letters without case.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSignals:
    """What is known of one image."""

    width: int
    height: int
    # px, upright, as the source has it.
    looks: Looks
    url_words: tuple[str, ...]
    # Lower case, in order; of the image's URL without host and query.
    num_before: int
    # Images of the document before this one that stay.
    num_faces: int | None
    best_similarity: float | None
    matched_similarity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSignals:
    """What is known of a document, counting what is left in it."""

    num_images: int
    similarities: tuple[float, ...]
    # Of its images, each to its sentence, where that is known.
    num_readable_images: int
    num_source_images: int
    num_sentences: int
    num_characters: int
    # Of what is left.
    language: str | None
    # As the source states it.
    lot: float
    # In [0, 1): a hash of the document's id, for rules that draw.


def image_signals(image: Image, num_before: int = 0) -> ImageSignals:
    """Signals of an image before which `num_before` images of its document stay."""
    similarities = image.similarities
    known = similarities is not None and len(similarities) > 0
    return ImageSignals(
        width=image.source_width,
        height=image.source_height,
        looks=image.looks,
        url_words=_url_words(image.url),
        num_before=num_before,
        num_faces=image.num_faces,
        best_similarity=float(similarities.max()) if similarities is not None and known else None,
        matched_similarity=similarity_of(image),
    )


def document_signals(
    document: MeasuredDocument, images: Collection[Image], sentences: Collection[str], lot: float = 0.0
) -> DocumentSignals:
    """Signals of a document of which these images and sentences are left, none of them empty."""
    similarities = map(similarity_of, images)
    return DocumentSignals(
        num_images=len(images),
        similarities=tuple(value for value in similarities if value is not None),
        num_readable_images=len(document.images),
        num_source_images=document.num_source_images,
        num_sentences=len(sentences),
        num_characters=sum(map(len, sentences)),
        language=document.meta.get("language"),
        lot=lot,
    )


def _url_words(url: str | None) -> tuple[str, ...]:
    """The words of a URL's path: "/My%20Photos/siteLogo-icon2x.png" has my, photos, site, logo, icon, x, png."""
    try:
        path = urlsplit(url or "").path
    except ValueError:  # for example an unclosed bracket in the host
        path = url or ""
    return tuple(word.lower() for word in _WORD.findall(unquote(path)))
