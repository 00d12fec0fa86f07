"""The first stage: everything that a later stage may ask about a document, measured once.

Reads a split, obtains and normalises the images, repairs the text, takes fingerprints. It decides nothing but
"unreadable": images are decoded here and never again, so another threshold costs a pass over small records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from interleave.access.blocklist import Blocklist
from interleave.acquire.listing import Split
from interleave.acquire.source import Limits, Parsed, Refused, Source
from interleave.blobs import BlobWriter, write_blob
from interleave.clean.private import Private, replace_private
from interleave.clean.text import Repair, repair
from interleave.counts import Counts
from interleave.dedup.fingerprints import perceptual_hash
from interleave.document import Drop, Image, MeasuredDocument, SourceDocument, SourceImage
from interleave.drops import write_drops
from interleave.errors import Unreadable
from interleave.fetched import FetchedImages, open_fetched
from interleave.images.normalise import ImageTarget, NormalisedImage, normalise
from interleave.images.packed import is_packed, unpack
from interleave.spool import write_documents

STAGE = "measure"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureTask:
    """One split, and how to read it."""

    split: Split
    source: Source
    target: ImageTarget
    repair: Repair
    private: Private | None
    spool: str
    name: str
    outcomes: str | None
    # Table of what became of the split's URLs; None where the recipe fetches nothing.
    store: str | None
    copies: str | None
    # Where the store's images of this split are, on machines that do not see the store.
    form: str
    # In which the store keeps images.
    blocklist: Blocklist


def measure(task: MeasureTask) -> Counts:
    """Writes `NAME.documents.parquet`, `NAME.blob` and `NAME.drops.parquet` of a split."""
    spool = Path(task.spool)
    counts = Counts()
    drops: list[Drop] = []
    with (
        write_blob(spool.parent, f"{spool.name}/{task.name}.blob") as blob,
        write_documents(spool / f"{task.name}.documents.parquet") as documents,
        open_fetched(task.outcomes, task.store, task.copies, task.form) as fetched,
    ):
        images = _Images(task, blob, fetched)
        readable = _readable(task, counts, drops)
        for document in _measured(readable, images, task, counts, drops):
            documents.append(document)
            counts["documents_out"] += 1
            counts["images_out"] += len(document.images)
    write_drops(spool / f"{task.name}.drops.parquet", drops)
    counts.add_drops(drops)
    return counts


def _readable(task: MeasureTask, counts: Counts, drops: list[Drop]) -> Iterator[Parsed]:
    """The documents of the split; a record that is none becomes a drop."""
    limits = Limits(max_image_bytes=task.target.max_bytes)
    for record in task.source.read(task.split, limits):
        counts["documents_in"] += 1
        if isinstance(record, Refused):
            drops.append(_document_drop(record))
            continue
        document = record.document
        counts["images_in"] += len(document.images) + len(record.unusable)
        if document.url and (entry := task.blocklist.of_url(document.url)):
            drops.extend(_blocklisted(document, record, entry))
            continue
        drops.extend(_image_drop(document.id, index, error) for index, error in record.unusable)
        yield record


def _measured(
    readable: Iterable[Parsed], images: _Images, task: MeasureTask, counts: Counts, drops: list[Drop]
) -> Iterator[MeasuredDocument]:
    for parsed in readable:
        document = parsed.document
        yield MeasuredDocument(
            id=document.id,
            source=task.split.source,
            url=document.url,
            sentences=tuple(_clean(sentence, task, counts) for sentence in document.sentences),
            paragraphs=document.paragraphs,
            images=tuple(images.measure(document, drops)),
            num_source_images=len(document.images) + len(parsed.unusable),
            meta=document.meta,
        )


def _clean(sentence: str, task: MeasureTask, counts: Counts) -> str:
    """The sentence repaired, and without personal data where the recipe says so."""
    text = repair(sentence, task.repair)
    if task.private is None:
        return text
    text, replaced = replace_private(text, task.private)
    for kind, number in replaced.items():
        counts[f"replaced/{kind}"] += number
    return text


class _Images:
    """Normalises the images of a split; one that occurs again is stored once."""

    def __init__(self, task: MeasureTask, blob: BlobWriter, fetched: FetchedImages) -> None:
        self._task = task
        self._blob = blob
        self._fetched = fetched
        self._stored: dict[str, Image | Unreadable] = {}

    def measure(self, document: SourceDocument, drops: list[Drop]) -> Iterator[Image]:
        for source in document.images:
            try:
                yield self._measure_one(source)
            except Unreadable as error:
                drops.append(_image_drop(document.id, source.index, error))

    def _measure_one(self, source: SourceImage) -> Image:
        if source.url and (entry := self._task.blocklist.of_url(source.url)):
            raise Unreadable("blocklisted", entry)
        sha256, data, normalised = self._obtain(source)
        if source.sha256 is not None and source.sha256 != sha256:
            raise Unreadable("sha256_mismatch", f"{sha256}, the source says {source.sha256}")
        if sha256 not in self._stored:
            self._stored[sha256] = self._store(data, sha256, normalised)
        stored = self._stored[sha256]
        if isinstance(stored, Unreadable):
            raise Unreadable(stored.reason, stored.detail)
        return _as_referenced(stored, source)

    def _obtain(self, source: SourceImage) -> tuple[str, bytes, Callable[[], NormalisedImage]]:
        """(SHA-256 at its origin, bytes as they lie here, what makes of them the image that is stored)."""
        if source.load is not None:
            data = source.load()
            return hashlib.sha256(data).hexdigest(), data, partial(normalise, data, self._task.target)
        sha256, data = self._fetched.read(source.url or "")
        if is_packed(self._fetched.form):
            return sha256, data, partial(unpack, data)
        return sha256, data, partial(normalise, data, self._task.target)

    def _store(self, data: bytes, sha256: str, make: Callable[[], NormalisedImage]) -> Image | Unreadable:
        try:
            normalised = make()
        except Unreadable as error:
            # A new one: the caught one's traceback would keep the image's bytes alive.
            return Unreadable(error.reason, error.detail)
        phash = perceptual_hash(normalised.thumbnail)
        if entry := self._task.blocklist.of_bytes(data, sha256, lambda: phash):
            return Unreadable("blocklisted", entry)
        return Image(
            index=0,
            sha256=sha256,
            width=normalised.width,
            height=normalised.height,
            source_width=normalised.source_width,
            source_height=normalised.source_height,
            blob=self._blob.append(normalised.jpeg),
            phash=phash,
            looks=normalised.looks,
            url=None,
            matched_sentence=0,
            similarities=None,
            num_faces=None,
        )


def _as_referenced(stored: Image, source: SourceImage) -> Image:
    return replace(
        stored,
        index=source.index,
        url=source.url,
        matched_sentence=source.matched_sentence,
        similarities=source.similarities,
        num_faces=source.num_faces,
    )


def _blocklisted(document: SourceDocument, record: Parsed, entry: str) -> Iterator[Drop]:
    """A document whose own address must not be used, and its images with it."""
    yield Drop(doc_id=document.id, image=None, stage=STAGE, rule="blocklisted", detail=entry)
    indices = sorted([*(image.index for image in document.images), *(index for index, _ in record.unusable)])
    for index in indices:
        yield Drop(doc_id=document.id, image=index, stage=STAGE, rule="document_dropped", detail="blocklisted")


def _document_drop(refused: Refused) -> Drop:
    return Drop(
        doc_id=refused.doc_id,
        image=None,
        stage=STAGE,
        rule=refused.error.reason,
        value=refused.value,
        threshold=refused.threshold,
        detail=f"{refused.where}: {refused.error.detail}",
    )


def _image_drop(doc_id: str, index: int, error: Unreadable) -> Drop:
    return Drop(doc_id=doc_id, image=index, stage=STAGE, rule=error.reason, detail=error.detail)
