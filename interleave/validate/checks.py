"""One function an invariant: each takes a sample apart in one respect, and yields what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interleave.document import Int32s
from interleave.encode.image_tokens import ImageTokens
from interleave.encode.settle import PLACEHOLDER
from interleave.errors import Unreadable
from interleave.images import decode_rgb, jpeg_metadata
from interleave.sample import IDS_SUFFIX, JSON_SUFFIX, MAX_NAME_BYTES, Record, image_member
from interleave.shard.manifest import ModelEntry
from interleave.shard.takedown_request import Request
from interleave.validate.samples import RawSample

# (code, message)
Found = Iterator[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample whose JSON and ids could be read."""

    raw: RawSample
    record: Record
    ids: Int32s


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the manifest says; a shard without one is checked as far as it speaks for itself."""

    model: ModelEntry
    vocab_size: int
    image: ImageTokens
    # Of the model.


def check_members(raw: RawSample) -> Found:
    """A sample is one JSON, one .npy and images numbered from 0, under short names, each once."""
    names = [member.name for member in raw.members]
    for name in names:
        if len(name.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES:
            yield "member-name", f"{name[:40]}... is longer than {MAX_NAME_BYTES} bytes"
        if "/" in name or not name.isascii():
            yield "member-name", f"{name!r} has folders or characters that readers treat differently"
    num_images = len(raw.images)
    expected = [f"{raw.key}.{JSON_SUFFIX}", f"{raw.key}.{IDS_SUFFIX}"]
    expected += [image_member(raw.key, position) for position in range(num_images)]
    if names != expected:
        missing, extra = sorted(set(expected) - set(names)), sorted(set(names) - set(expected))
        what = f"missing {missing[:3]}, unexpected {extra[:3]}" if missing or extra else "doubled or out of order"
        yield "sample-members", f"members are {what}"


def check_record(sample: Sample) -> Found:
    """The JSON speaks of this sample: its key, its images by full name and in order."""
    if sample.record.key != sample.raw.key:
        yield "sample-json", f"the JSON is of sample {sample.record.key}"
    members = tuple(member.name for member in sample.raw.images)
    if sample.record.image_members != members:
        yield "image-count", f"the JSON names {len(sample.record.image_members)} images, the tar has {len(members)}"
    if not 0 <= sample.record.part < sample.record.num_parts:
        yield "sample-json", f"part {sample.record.part} of {sample.record.num_parts}"


def check_spans(sample: Sample, expected: Expectation | None) -> Found:
    """Spans ascend, do not overlap, lie inside the ids, and hold all placeholders, as the profile has them."""
    covered = np.zeros(len(sample.ids), dtype=np.bool_)
    end = 0
    for number, (start, length) in enumerate(sample.record.spans):
        if start < end or length < 1 or start + length > len(sample.ids):
            yield "span-placeholder", f"span {number} [{start}, {start + length}) overlaps or leaves the ids"
            return
        covered[start : start + length] = True
        end = start + length
    if expected is None:
        return
    outside = np.flatnonzero(~covered & np.isin(sample.ids, expected.image.own_ids))
    if len(outside):
        at = int(outside[0])
        yield "span-placeholder", f"id {int(sample.ids[at])} at {at} is an image's, and in no span"
    yield from _check_span_ids(sample, expected.image)


def _check_span_ids(sample: Sample, image: ImageTokens) -> Found:
    """What stands for each image is what the profile makes of its size."""
    record = sample.record
    for (start, length), num_tokens, info in zip(record.spans, record.span_tokens, record.image_info, strict=True):
        size = (info["width"], info["height"], record.num_document_images)
        try:
            stored, expanded = image.stored(*size), image.expanded(*size)
        except ValueError as error:
            yield "span-placeholder", f"the image at {start}: {error}"
            continue
        if not np.array_equal(sample.ids[start : start + length], stored):
            yield "span-placeholder", f"the ids [{start}, {start + length}) are not an image of {image.profile}"
        elif num_tokens != len(expanded):
            message = f"the image at {start} is said to take {num_tokens} tokens, it takes {len(expanded)}"
            yield "span-placeholder", message


def check_ids(sample: Sample, expected: Expectation) -> Found:
    """Every id is in the vocabulary, or is the placeholder."""
    ids = sample.ids
    valid = ((ids >= 0) & (ids < expected.vocab_size)) | (ids == expected.model.placeholder)
    if not valid.all():
        at = int(np.flatnonzero(~valid)[0])
        yield "id-range", f"id {int(ids[at])} at {at} is not in the vocabulary of {expected.vocab_size:,}"


def check_context(sample: Sample, expected: Expectation) -> Found:
    """Text and expanded images fit the context, where samples were cut to one."""
    num_tokens = expanded_tokens(sample)
    context = expected.model.context
    if context is not None and num_tokens > context:
        yield "context", f"{num_tokens:,} tokens with images, the context is {context:,}"


def check_loss(sample: Sample, expected: Expectation | None) -> Found:
    """Learned ids lie inside the sample, outside of images, and there is one at least where new text is learned."""
    learned: npt.NDArray[np.bool_] = np.zeros(len(sample.ids), dtype=np.bool_)
    for start, length in sample.record.loss_spans:
        if start + length > len(sample.ids):
            yield "loss-span", f"[{start}, {start + length}) leaves the {len(sample.ids)} ids"
            return
        learned[start : start + length] = True
    for start, length in sample.record.spans:
        if learned[start : start + length].any():
            yield "loss-span", f"the image at {start} would be learned as text"
            return
    if sample.record.num_repeated >= len(sample.ids):
        yield "loss-span", f"all of the {len(sample.ids)} ids are said to be repeated"
    learns_text = expected is None or expected.model.loss == "text"
    if learns_text and not sample.record.num_repeated and any(sample.record.texts) and not learned.any():
        yield "loss-span", "the sample has text, and none of it is learned"


def check_texts(sample: Sample) -> Found:
    """No literal placeholder in a text: a reader that tokenises texts again would make an image of it."""
    for position, text in enumerate(sample.record.texts):
        if text is not None and PLACEHOLDER in text:
            yield "placeholder-text", f"texts[{position}] holds a literal {PLACEHOLDER}"


def check_taken_down(sample: Sample, request: Request) -> Found:
    """Nothing of the sample is named by the record of what was taken down."""
    found = request.by_record(sample.record)
    if any(found):
        yield "taken-down", f"holds what the record of take-downs names: {', '.join(sorted(set().union(*found)))[:300]}"


def check_image(jpeg: bytes, width: int, height: int) -> Found:
    """An image decodes wholly, has the size that the JSON states, and holds nothing but pixels."""
    try:
        pixels, extra = decode_rgb(jpeg), jpeg_metadata(jpeg)
    except Unreadable as error:
        yield "image-decode", f"does not decode: {error}"
        return
    if pixels.shape[:2] != (height, width):
        yield "image-size", f"is {pixels.shape[1]} x {pixels.shape[0]} px, the JSON says {width} x {height}"
    if extra:
        yield "image-metadata", f"carries {', '.join(extra)}"


def expanded_tokens(sample: Sample) -> int:
    """Ids, with each image counted as what it becomes in the model."""
    return len(sample.ids) + sum(sample.record.span_tokens) - sum(length for _, length in sample.record.spans)
