"""What units of the ledger look like: text and images out of the build's work folder, where that still lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from interleave.blobs import BlobReader
from interleave.document import Image, MeasuredDocument
from interleave.spool import read_documents

# Sentences on either side of an image, and characters of a text, that are shown.
_AROUND = 2
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A document, or one image or sentence of it."""

    doc_id: str
    image: int | None = None
    sentence: int | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What a unit looks like."""

    unit: Unit
    url: str | None
    # The document's.
    text: str
    # The sentence, what stands around the image, or the document's beginning.
    image_url: str | None = None
    jpeg: bytes | None = None


def examples(units: Iterable[Unit], work: Path) -> list[Example]:
    """The units in the order asked for, without those that the work folder does not hold any more."""
    wanted = list(units)
    documents = _find({unit.doc_id for unit in wanted}, work / "measure")
    with BlobReader(work) as blobs:
        return [_example(unit, documents[unit.doc_id], blobs) for unit in wanted if unit.doc_id in documents]


def _find(doc_ids: set[str], spool: Path) -> dict[str, MeasuredDocument]:
    """Of each split only the ids are read, unless it holds one of the documents."""
    found: dict[str, MeasuredDocument] = {}
    for path in sorted(spool.glob("*.documents.parquet")):
        if len(found) == len(doc_ids):
            break
        if not doc_ids.isdisjoint(pq.read_table(path, columns=["id"])["id"].to_pylist()):
            found.update((document.id, document) for document in read_documents(path) if document.id in doc_ids)
    return found


def _example(unit: Unit, document: MeasuredDocument, blobs: BlobReader) -> Example:
    if unit.sentence is not None:
        return Example(unit=unit, url=document.url, text=_cut(document.sentences[unit.sentence]))
    image = next((image for image in document.images if image.index == unit.image), None)
    if image is None:
        return Example(unit=unit, url=document.url, text=_cut(" ".join(filter(None, document.sentences))))
    return Example(
        unit=unit,
        url=document.url,
        text=_cut(_around(document, image)),
        image_url=image.url,
        jpeg=blobs.read(image.blob),
    )


def _around(document: MeasuredDocument, image: Image) -> str:
    place = image.matched_sentence
    return " ".join(filter(None, document.sentences[max(place - _AROUND, 0) : place + _AROUND]))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."
