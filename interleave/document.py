"""The records that pass between stages, in the order in which a document passes through them.

SourceDocument  as a source wrote it             acquire -> measure
MeasuredDocument  images normalised, text repaired   measure -> decide, fingerprint, encode
Document        what is left, in reading order     settle -> layout
Encoded         the same as token ids              layout -> split
Drop            what was left out, and why         every stage -> ledger
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceImage:
    """An image as a source refers to it."""

    index: int
    # Position in the source's list: an image's name in the ledger, whatever is dropped around it.
    name: str | None
    # What the source calls it.
    url: str | None
    matched_sentence: int = 0
    # Index of the sentence that the source says the image belongs to; on a page, of the sentence behind it.
    load: Callable[[], bytes] | None = None
    # Reads the bytes, or raises Unreadable; None where only the URL leads to them.
    sha256: str | None = None
    # What the bytes must have, where the source knows it: hex digits.
    similarities: Float32s | None = None
    # (num_sentences,) similarity to each sentence, where the source knows it.
    num_faces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDocument:
    """A document as a source wrote it, checked but not changed."""

    id: str
    url: str | None
    sentences: tuple[str, ...]
    images: tuple[SourceImage, ...]
    paragraphs: tuple[int, ...] = ()
    # Index of each paragraph's first sentence, ascending, the first one 0; empty where the source knows none.
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRef:
    """Where the bytes of an image lie."""

    file: str
    # Path relative to the work folder.
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What a picture looks like (`images.looks`), measured where it was upright, in sRGB, and not encoded again yet."""

    sharpness: float
    # Mean square of the Laplacian for a mean square step of 1.
    entropy: float
    # Bits of the histogram, 0 to 8.
    flat: float
    # Share of pixels that hardly differ from their neighbours.
    text: float
    # Share of the strokes that lie in a few lines of large text.
    num_frames: int
    # Of the file; the first one is the picture.


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that was decoded, checked and normalised to an sRGB JPEG."""

    index: int
    # Position in the source's list.
    sha256: str
    # Of the bytes as the source had them.
    width: int
    height: int
    # px, of the normalised JPEG.
    source_width: int
    source_height: int
    # px, upright, before resizing.
    blob: BlobRef
    phash: int
    # 64-bit perceptual hash.
    looks: Looks
    url: str | None
    matched_sentence: int
    similarities: Float32s | None
    # (num_sentences,) or None.
    num_faces: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDocument:
    """A readable document: repaired sentences (the empty ones keep their index), readable images."""

    id: str
    source: str
    # Name of the source in the recipe.
    url: str | None
    sentences: tuple[str, ...]
    paragraphs: tuple[int, ...]
    # Index of each paragraph's first sentence; empty where every sentence is a paragraph of its own.
    images: tuple[Image, ...]
    num_source_images: int
    # Those that could not be had or read included.
    meta: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of a document."""

    index: int
    # Position in the source's list: similarities are looked up with it.
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is left of a document after all drops, in reading order."""

    id: str
    source: str
    url: str | None
    parts: tuple[Sentence | Image, ...]

    @property
    def images(self) -> tuple[Image, ...]:
        return tuple(part for part in self.parts if isinstance(part, Image))

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        return tuple(part for part in self.parts if isinstance(part, Sentence))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """A stretch of ids that came from one sentence."""

    start: int
    length: int
    sentence: int
    # Index in the source's list.
    text: str
    borders: Int32s | None
    # (length,) where each id begins in the text; only where the sentence is so long that it may be cut.

    def text_between(self, low: int, high: int) -> str:
        """The text of ids [low, high) of this part; a character of several ids goes with the first of them."""
        assert self.borders is not None, "a sentence that may be cut knows the borders of its ids"
        begin = 0 if low == 0 else int(self.borders[low])
        end = len(self.text) if high == self.length else int(self.borders[high])
        return self.text[begin:end]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpan:
    """The stored ids that stand for one image: placeholders, and the marks around and between them."""

    start: int
    length: int
    num_tokens: int
    # What the image becomes inside the model.
    image: Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A document, or a part of one that was cut to the context, as token ids."""

    document: Document
    part: int
    num_parts: int
    token_ids: Int32s
    # (num_ids,)
    parts: tuple[TextPart | ImageSpan, ...]
    # The same as text and images, in order; they cover every id but the structural ones.
    num_structural: int
    # BOS, EOS and text that wraps images among the ids; the rest of them is content.
    num_repeated: int
    # Ids at its start that the part before has, too.
    cuts: Int32s
    # (num_units,) positions where a unit (a sentence with its images) begins: where the ids may be cut.

    @property
    def spans(self) -> tuple[ImageSpan, ...]:
        return tuple(part for part in self.parts if isinstance(part, ImageSpan))

    @property
    def num_tokens(self) -> int:
        """Expanded: the ids with each image's placeholders replaced by what the model makes of it."""
        return len(self.token_ids) + sum(span.num_tokens - span.length for span in self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A document, or one image or sentence of it, that was left out."""

    doc_id: str
    image: int | None
    stage: str
    rule: str
    sentence: int | None = None
    # Both are None where the document was dropped.
    value: float | None = None
    threshold: float | None = None
    detail: str = ""

    @property
    def unit(self) -> str:
        if self.image is not None:
            return "image"
        return "document" if self.sentence is None else "sentence"
