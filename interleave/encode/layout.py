"""A settled document as token ids: BOS, text and images in reading order, EOS.

The text between two images is encoded as one string, as a model sees it when it is used, with the text that a profile
puts around images; the borders of sentences are found afterwards among its ids. Special tokens are switched off, so
none can come from a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from interleave.document import Document, Encoded, Image, ImageSpan, Int32s, Sentence, TextPart
from interleave.encode.image_tokens import ImageTokens
from interleave.encode.tokenized import Tokenized
from interleave.encode.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutSettings:
    """What a layout needs to know of the model."""

    image: ImageTokens
    separator: str
    # Joins sentences.
    text_before: str
    text_after: str
    # Around each image.
    strip: bool
    # Whether one space is left out behind an image.
    bos: int | None
    eos: int | None
    longest_sentence: int | None
    # Ids from which on a sentence may have to be cut; None where documents are stored whole.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """What stands between two images, in front of the first, or behind the last one."""

    sentences: tuple[Sentence, ...]
    image: Image | None
    # The image behind it; None: the document ends here.
    text: str
    begins: tuple[int, ...]
    # The character where each sentence begins in the text, and where the last one ends.


def lay_out(documents: Sequence[Document], tokenizer: Tokenizer, settings: LayoutSettings) -> list[Encoded]:
    """Encodes a batch of documents."""
    chunks = [list(_chunks(document, settings)) for document in documents]
    texts = [chunk.text for of_document in chunks for chunk in of_document if chunk.text]
    tokenized = iter(tokenizer.encode_batch(texts))
    return [
        _assemble(document, of_document, tokenized, settings)
        for document, of_document in zip(documents, chunks, strict=True)
    ]


def _chunks(document: Document, settings: LayoutSettings) -> Iterator[_Chunk]:
    sentences: list[Sentence] = []
    is_behind = False
    for part in document.parts:
        if isinstance(part, Sentence):
            sentences.append(part)
            continue
        yield _chunk(sentences, part, is_behind, settings)
        sentences, is_behind = [], True
    yield _chunk(sentences, None, is_behind, settings)


def _chunk(sentences: Sequence[Sentence], image: Image | None, is_behind: bool, settings: LayoutSettings) -> _Chunk:
    """`is_behind` an image. With "\\n" after an image, and "a", "b" in front of another: "\\na b", begins (1, 3, 4)."""
    before = settings.text_after if is_behind else ""
    body = settings.separator.join(sentence.text for sentence in sentences)
    text = before + body + (settings.text_before if image is not None else "")
    begins, character = [len(before)], len(before)
    for sentence in sentences:
        character += len(sentence.text)
        begins.append(min(character + len(settings.separator), len(before) + len(body)))
        character += len(settings.separator)
    begins[-1] = len(before) + len(body)
    if settings.strip and is_behind and text.startswith(" "):
        text, begins = text[1:], [max(begin - 1, 0) for begin in begins]
    return _Chunk(sentences=tuple(sentences), image=image, text=text, begins=tuple(begins))


def _assemble(
    document: Document, chunks: Sequence[_Chunk], tokenized: Iterator[Tokenized], settings: LayoutSettings
) -> Encoded:
    num_images = len(chunks) - 1
    pieces: list[Int32s] = [np.array([] if settings.bos is None else [settings.bos], dtype=np.int32)]
    parts: list[TextPart | ImageSpan] = []
    leads: list[int] = []  # (num_parts,) ids of wrapping text in front of each part that belong to it
    position = len(pieces[0])
    for chunk in chunks:
        lead = 0
        if chunk.text:
            encoding = next(tokenized)
            borders = _borders(chunk, encoding)
            parts.extend(_text_parts(chunk, encoding, borders, position, settings))
            lead = len(encoding.ids) - borders[-1] if chunk.sentences else 0
            pieces.append(encoding.ids)
            position += len(encoding.ids)
        elif chunk.sentences:
            parts.extend(_empty_parts(chunk, position))
        leads.extend([0] * (len(parts) - len(leads)))
        if chunk.image is not None:
            span, ids = _span(chunk.image, num_images, position, settings.image)
            parts.append(span)
            leads.append(lead)
            pieces.append(ids)
            position += span.length
    pieces.append(np.array([] if settings.eos is None else [settings.eos], dtype=np.int32))
    token_ids = np.concatenate(pieces)
    return Encoded(
        document=document,
        part=0,
        num_parts=1,
        token_ids=token_ids,
        parts=tuple(parts),
        num_structural=len(token_ids) - sum(part.length for part in parts),
        num_repeated=0,
        cuts=_unit_starts(parts, leads),
    )


def _span(image: Image, num_images: int, position: int, tokens: ImageTokens) -> tuple[ImageSpan, Int32s]:
    ids = tokens.stored(image.width, image.height, num_images)
    expanded = ids if tokens.form == "expanded" else tokens.expanded(image.width, image.height, num_images)
    return ImageSpan(start=position, length=len(ids), num_tokens=len(expanded), image=image), ids


def _borders(chunk: _Chunk, encoding: Tokenized) -> list[int]:
    """(num_sentences + 1,) the id where each sentence begins, and where the last one ends.

    An id that spans two sentences goes to the second; one that spans a sentence and the text that wraps an image goes
    to the sentence.
    """
    borders = [encoding.id_at(chunk.begins[0]) if chunk.begins[0] else 0]
    for character in chunk.begins[1:-1]:
        borders.append(max(encoding.id_at(character), borders[-1]))
    end = len(encoding.ids)
    if (last := chunk.begins[-1]) < len(chunk.text):
        end = encoding.id_at(last)
        if end < len(encoding.ids) and encoding.starts()[end] < last:
            end += 1
    return [*borders, max(end, borders[-1])] if chunk.sentences else [end]


def _text_parts(
    chunk: _Chunk, encoding: Tokenized, borders: Sequence[int], position: int, settings: LayoutSettings
) -> Iterator[TextPart]:
    """One part a sentence."""
    for number, (sentence, (low, high)) in enumerate(zip(chunk.sentences, pairwise(borders), strict=True)):
        may_be_cut = settings.longest_sentence is not None and high - low >= settings.longest_sentence
        starts = encoding.starts()[low:high] - chunk.begins[number] if may_be_cut else None
        yield TextPart(
            start=position + low,
            length=high - low,
            sentence=sentence.index,
            text=sentence.text,
            borders=None if starts is None else np.clip(starts, 0, len(sentence.text)),
        )


def _empty_parts(chunk: _Chunk, position: int) -> Iterator[TextPart]:
    """Sentences of a chunk without a character."""
    for sentence in chunk.sentences:
        yield TextPart(start=position, length=0, sentence=sentence.index, text=sentence.text, borders=None)


def _unit_starts(parts: Sequence[TextPart | ImageSpan], leads: Sequence[int]) -> Int32s:
    """Where a sentence with the images that belong to it begins; the first unit takes BOS, the last one EOS."""
    starts = [0]
    for (before, current), lead in zip(pairwise(parts), leads[1:], strict=True):
        if _sentence(before) != _sentence(current) and current.start - lead > starts[-1]:
            starts.append(current.start - lead)
    return np.array(starts, dtype=np.int32)


def _sentence(part: TextPart | ImageSpan) -> int:
    return part.sentence if isinstance(part, TextPart) else part.image.matched_sentence
