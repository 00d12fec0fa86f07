"""A settled document as token ids: BOS, text and placeholders in reading order, EOS.

The text between two images is encoded as one string, as a model sees it when it is used; the borders of sentences are
found afterwards among its ids. Special tokens are switched off, so none can come from a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from interleave.document import Document, Encoded, Image, ImageSpan, Int32s, Sentence, TextPart
from interleave.encode.tokenized import Tokenized
from interleave.encode.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutSettings:
    """What a layout needs to know of the model."""

    placeholder: int
    tokens_per_image: int
    separator: str
    bos: int | None
    eos: int | None
    longest_sentence: int | None
    # Ids from which on a sentence may have to be cut; None where documents are stored whole.


def lay_out(documents: Sequence[Document], tokenizer: Tokenizer, settings: LayoutSettings) -> list[Encoded]:
    """Encodes a batch of documents."""
    runs = [[list(run) for _, run in groupby(document.parts, type)] for document in documents]
    texts = [_text(run, settings) for of_document in runs for run in of_document if isinstance(run[0], Sentence)]
    tokenized = iter(tokenizer.encode_batch(texts))
    return [
        _assemble(document, of_document, tokenized, settings)
        for document, of_document in zip(documents, runs, strict=True)
    ]


def _text(run: Sequence[Sentence | Image], settings: LayoutSettings) -> str:
    return settings.separator.join(part.text for part in run if isinstance(part, Sentence))


def _assemble(
    document: Document,
    runs: Sequence[Sequence[Sentence | Image]],
    tokenized: Iterator[Tokenized],
    settings: LayoutSettings,
) -> Encoded:
    pieces: list[Int32s] = [np.array([] if settings.bos is None else [settings.bos], dtype=np.int32)]
    parts: list[TextPart | ImageSpan] = []
    position = len(pieces[0])
    for run in runs:
        if isinstance(run[0], Image):
            spans = list(_spans([item for item in run if isinstance(item, Image)], position, settings))
            parts.extend(spans)
            pieces.append(np.full(len(spans), settings.placeholder, dtype=np.int32))
        else:
            encoding = next(tokenized)
            sentences = [item for item in run if isinstance(item, Sentence)]
            parts.extend(_text_parts(sentences, encoding, position, settings))
            pieces.append(encoding.ids)
        position += len(pieces[-1])
    content = position - len(pieces[0])
    pieces.append(np.array([] if settings.eos is None else [settings.eos], dtype=np.int32))
    token_ids = np.concatenate(pieces)
    return Encoded(
        document=document,
        part=0,
        num_parts=1,
        token_ids=token_ids,
        parts=tuple(parts),
        num_structural=len(token_ids) - content,
        cuts=_unit_starts(parts),
    )


def _spans(images: Sequence[Image], position: int, settings: LayoutSettings) -> Iterator[ImageSpan]:
    for offset, image in enumerate(images):
        yield ImageSpan(start=position + offset, length=1, num_tokens=settings.tokens_per_image, image=image)


def _text_parts(
    sentences: Sequence[Sentence], encoding: Tokenized, position: int, settings: LayoutSettings
) -> Iterator[TextPart]:
    """One part a sentence; an id that spans two sentences goes to the second."""
    begins, character = [0], 0
    for sentence in sentences[:-1]:
        character += len(sentence.text) + len(settings.separator)
        begins.append(max(encoding.id_at(character), begins[-1]))
    character = 0
    for sentence, (low, high) in zip(sentences, pairwise([*begins, len(encoding.ids)]), strict=True):
        may_be_cut = settings.longest_sentence is not None and high - low >= settings.longest_sentence
        borders = np.clip(encoding.starts()[low:high] - character, 0, len(sentence.text)) if may_be_cut else None
        yield TextPart(
            start=position + low, length=high - low, sentence=sentence.index, text=sentence.text, borders=borders
        )
        character += len(sentence.text) + len(settings.separator)


def _unit_starts(parts: Sequence[TextPart | ImageSpan]) -> Int32s:
    """Where a sentence with the images that belong to it begins; the first unit takes BOS, the last one EOS."""
    starts = [0]
    for before, current in pairwise(parts):
        if _sentence(before) != _sentence(current):
            starts.append(current.start)
    return np.array(starts, dtype=np.int32)


def _sentence(part: TextPart | ImageSpan) -> int:
    return part.sentence if isinstance(part, TextPart) else part.image.matched_sentence
