"""The rules that remove documents by what is counted in them; those on their text are in `text_rules`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from interleave.clean.bounds import Bounds, CountBounds, Verdict, outside
from interleave.clean.signals import DocumentSignals
from interleave.settings import Settings


class ReadableImages(Settings):
    """Share of the images that the source named which could be had and read. VILA's scripts keep 1.0 only."""

    kind: Literal["readable_images"]
    """Removes documents of whose images too many are gone; without this rule the others stay, and the document."""

    min: Annotated[float, Field(gt=0, le=1, strict=False)] = 1.0
    """Least share that is kept."""

    def measure(self, document: DocumentSignals) -> float | None:
        return document.num_readable_images / document.num_source_images if document.num_source_images else None

    def judge(self, value: float | None, document: DocumentSignals) -> Verdict | None:
        return outside(value, self.min, None)


class NumImages(CountBounds):
    """Images left in the document. MMC4-core: 2 to 15; OBELICS: 1 to 30."""

    kind: Literal["num_images"]
    """Removes documents by their number of images; checked again after duplicates are gone."""

    def measure(self, document: DocumentSignals) -> float | None:
        return document.num_images

    def judge(self, value: float | None, document: DocumentSignals) -> Verdict | None:
        return outside(value, self.min, self.max)


class MatchedImages(Settings):
    """Share of the images that fit the sentence they are assigned to. MMC4-core: 0.75 above a similarity of 0.25.

    Images of unknown similarity are not counted; documents without any other are kept.
    """

    kind: Literal["matched_images"]
    """Removes documents whose images fit their text too seldom; checked again after duplicates are gone."""

    similarity: float = 0.25
    """An image fits above this similarity."""

    min: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.75
    """Least share that is kept."""

    def measure(self, document: DocumentSignals) -> float | None:
        known = document.similarities
        return sum(value > self.similarity for value in known) / len(known) if known else None

    def judge(self, value: float | None, document: DocumentSignals) -> Verdict | None:
        return outside(value, self.min, None)


class NumSentences(CountBounds):
    """Sentences that are not empty. MMC4-core: 4 to 40."""

    kind: Literal["num_sentences"]
    """Removes documents by their number of sentences."""

    def measure(self, document: DocumentSignals) -> float | None:
        return document.num_sentences

    def judge(self, value: float | None, document: DocumentSignals) -> Verdict | None:
        return outside(value, self.min, self.max)


class CharactersPerImage(Bounds):
    """Characters of text for each image. OmniCorpus: at least 50. Documents without images are kept."""

    kind: Literal["characters_per_image"]
    """Removes documents with too little, or too much, text for their images."""

    min: Annotated[float, Field(ge=0, strict=False)] | None = None
    """Least that is kept."""

    max: Annotated[float, Field(ge=0, strict=False)] | None = None
    """Most that is kept."""

    def measure(self, document: DocumentSignals) -> float | None:
        return document.num_characters / document.num_images if document.num_images else None

    def judge(self, value: float | None, document: DocumentSignals) -> Verdict | None:
        return outside(value, self.min, self.max)


class Sample(Settings):
    """A share of the documents with few images, drawn by a hash of each document's id. OpenFlamingo keeps half of those
    with one image."""

    kind: Literal["sample"]
    """Removes some of the documents with few images, by lot."""

    keep: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.5
    """Share that is kept."""

    max_images: Annotated[int, Field(ge=0)] = 1
    """Documents with at most this many images are drawn for; the others stay."""

    def measure(self, document: DocumentSignals) -> float | None:
        """The document's lot in [0, 1), or None where it is not drawn for."""
        return document.lot if document.num_images <= self.max_images else None

    def judge(self, value: float | None, document: DocumentSignals) -> Verdict | None:
        return None if value is None or value < self.keep else Verdict(value, self.keep)


DocumentRule = ReadableImages | NumImages | MatchedImages | NumSentences | CharactersPerImage | Sample
