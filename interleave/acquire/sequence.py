"""From a page's text and images in reading order to a document's sentences and its images' places among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from interleave.document import SourceImage


def in_reading_order(
    parts: Iterable[str | SourceImage], language: str = "en"
) -> tuple[tuple[str, ...], tuple[SourceImage, ...]]:
    """The sentences of all paragraphs, and each image matched with the sentence behind it.

    Images behind the last sentence are matched with an empty one at the end: it holds their place and no text.

        ["A cat. It sleeps.", x, "A dog.", y]  ->  ("A cat.", "It sleeps.", "A dog.", ""), [x -> 2, y -> 3]
    """
    sentences: list[str] = []
    images: list[SourceImage] = []
    for part in parts:
        if isinstance(part, str):
            sentences.extend(split_sentences(part, language))
        else:
            images.append(replace(part, matched_sentence=len(sentences)))
    if images and images[-1].matched_sentence == len(sentences):
        sentences.append("")
    return tuple(sentences), tuple(images)


def split_sentences(paragraph: str, language: str = "en") -> list[str]:
    """The sentences of a paragraph, without the white space around them. Chinese is recognised in any language."""
    from sentencex import segment

    return [sentence for piece in segment(language, paragraph) if (sentence := piece.strip())]
