"""From a WebDataset sample to a document, in the three shapes that `webdataset` knows.

lists         `texts` and `images`, aligned: MINT-1T (arXiv 2406.11271), NeMo Curator
openflamingo  MMC4's fields with `image_info[].image_base64` (open_flamingo/scripts/convert_mmc4_to_wds.py)
shards        what this project writes (docs/shard-format.md)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from interleave.acquire.archives.members import SampleImages
from interleave.acquire.archives.samples import Sample, body_of, read_body
from interleave.acquire.archives.tars import Member
from interleave.acquire.embedded_images import decode_base64, embedded_document
from interleave.acquire.mmc4 import MAX_COUNT
from interleave.acquire.sequence import InOrder, in_reading_order
from interleave.acquire.source import Parsed
from interleave.document import SourceDocument, SourceImage
from interleave.errors import Unreadable

Layout = Literal["lists", "openflamingo", "shards"]

# Text alone, without images in it: 150 MB in memory once it is cut into sentences.
MAX_TEXT_BYTES = 16 * 1024 * 1024


class LastBody:
    """The JSON that was read last: the images of a document are asked for one after the other."""

    def __init__(self) -> None:
        self._offset = -1
        self._record: Mapping[str, Any] = {}

    def read(self, path: str, body: Member) -> Mapping[str, Any]:
        if body.offset != self._offset:
            self._record = read_body(path, body.offset, body.size)
            self._offset = body.offset
        return self._record


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How the samples of one tar are read."""

    path: str
    # Of the tar.
    layout: Layout | None
    # None: told by the JSON's fields.
    language: str
    max_image_bytes: int
    bodies: LastBody = field(default_factory=LastBody)


def parse_sample(sample: Sample, doc_id: str, how: How) -> Parsed:
    """A sample as a document, and those of its images that are unusable.

    Raises:
        Unreadable: the sample as a whole is not a document.
    """
    body = body_of(sample)
    record = read_body(how.path, body.offset, body.size)
    images = SampleImages(how.path, sample, how.max_image_bytes)
    if (how.layout or _layout_of(record)) == "openflamingo":
        parsed = embedded_document(record, doc_id, _loader(how, body))
        num_images = len(record.get("image_info") or ())
    elif body.size > MAX_TEXT_BYTES:
        raise Unreadable("json_too_large", f"{body.size:,} bytes of text, at most {MAX_TEXT_BYTES:,}")
    else:
        parsed = _aligned(record, doc_id, images, how)
        num_images = len(record["images"])
    return replace(parsed, unusable=(*parsed.unusable, *images.unreferenced(num_images)))


def _layout_of(record: Mapping[str, Any]) -> Layout:
    if "texts" in record:
        return "shards" if "span_tokens" in record else "lists"
    if "text_list" in record:
        return "openflamingo"
    raise Unreadable("unknown_layout", "the JSON has neither `texts` nor `text_list`")


def _loader(how: How, body: Member) -> Callable[[int], Callable[[], bytes]]:
    def load(index: int) -> Callable[[], bytes]:
        return partial(_load_embedded, how, body, index)

    return load


def _load_embedded(how: How, body: Member, index: int) -> bytes:
    """Reads the JSON again: many documents are held at once, and each of these may have 64 MB."""
    record = how.bodies.read(how.path, body)
    return decode_base64(record["image_info"][index]["image_base64"], how.max_image_bytes)


def _aligned(record: Mapping[str, Any], doc_id: str, images: SampleImages, how: How) -> Parsed:
    texts, entries = _lists(record)
    is_shard = (how.layout or _layout_of(record)) == "shards"
    known = _known(record, entries, sum(text is not None for text in texts)) if is_shard else {}
    parts: list[str | SourceImage] = []
    unusable: list[tuple[int, Unreadable]] = []
    for index, (text, entry) in enumerate(zip(texts, entries, strict=True)):
        if text is not None:
            parts.append(text)
        elif entry is not None:
            try:
                parts.append(replace(images.image(index, entry), **known.get(index, {})))
            except Unreadable as error:
                unusable.append((index, error))
    found = _as_they_are(parts) if is_shard else in_reading_order(parts, how.language)
    document = SourceDocument(
        id=doc_id,
        url=_url(record),
        sentences=found.sentences,
        images=found.images,
        paragraphs=found.paragraphs,
    )
    return Parsed(document=document, unusable=tuple(unusable))


def _lists(record: Mapping[str, Any]) -> tuple[list[str | None], list[Any]]:
    """`texts` and `images`: equally long, never both set. NeMo Curator's writer leaves places where neither is."""
    texts, images = record.get("texts"), record.get("images")
    if not isinstance(texts, list) or not all(text is None or isinstance(text, str) for text in texts):
        raise Unreadable("bad_texts", "texts is no list of strings and nulls")
    if not isinstance(images, list):
        raise Unreadable("bad_images", f"images is {type(images).__name__}, expected a list of names and nulls")
    if len(texts) != len(images):
        raise Unreadable("lists_not_aligned", f"{len(texts):,} texts, {len(images):,} images: expected as many")
    if len(texts) > MAX_COUNT:
        raise Unreadable("too_many_sentences", f"{len(texts):,}, at most {MAX_COUNT:,}")
    both = sum(text is not None and image is not None for text, image in zip(texts, images, strict=True))
    if both:
        raise Unreadable("lists_not_aligned", f"at {both:,} positions there are both a text and an image")
    return texts, images


def _url(record: Mapping[str, Any]) -> str | None:
    url = record.get("url")
    if url is not None and not isinstance(url, str):
        raise Unreadable("bad_url", f"url is {type(url).__name__}, expected a string")
    return url or None


def _as_they_are(parts: list[str | SourceImage]) -> InOrder:
    """As `in_reading_order`, of texts that are sentences already. An image's similarities get a 0 for the empty one."""
    sentences: list[str] = []
    images: list[SourceImage] = []
    for part in parts:
        if isinstance(part, str):
            sentences.append(part)
        else:
            images.append(replace(part, matched_sentence=len(sentences)))
    if images and images[-1].matched_sentence == len(sentences):
        sentences.append("")
        images = [_wider(image) for image in images]
    return InOrder(tuple(sentences), tuple(images), ())


def _wider(image: SourceImage) -> SourceImage:
    if image.similarities is None:
        return image
    return replace(image, similarities=np.append(image.similarities, np.float32(0)))


def _known(record: Mapping[str, Any], entries: list[Any], num_texts: int) -> dict[int, dict[str, Any]]:
    """What a shard's JSON says of each image, by its index: URL, and similarity to each text."""
    places = [index for index, entry in enumerate(entries) if entry is not None]
    infos, rows = record.get("image_info"), record.get("similarity")
    rows = [None] * len(places) if rows is None else rows
    if not isinstance(infos, list) or len(infos) != len(places):
        raise Unreadable("bad_image_info", f"image_info is no list of {len(places)}, the number of images")
    if not isinstance(rows, list) or len(rows) != len(places):
        raise Unreadable("bad_similarity", f"similarity is no list of {len(places)}, the number of images")
    return {
        index: {"url": _url(info) if isinstance(info, dict) else None, "similarities": _row(row, num_texts)}
        for index, info, row in zip(places, infos, rows, strict=True)
    }


def _row(row: Any, num_texts: int) -> Any:
    if row is None:
        return None
    if not isinstance(row, list) or len(row) != num_texts:
        raise Unreadable("bad_similarity", f"a row of similarity is no list of {num_texts}, the number of texts")
    if not all(type(item) in (float, int) and abs(item) <= 1e6 for item in row):
        raise Unreadable("bad_similarity", "a row of similarity holds what is no number within 1e6")
    return np.array(row, dtype=np.float32)
