"""One function an invariant: each takes a sample apart in one respect, and yields what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interleave.document import Int32s
from interleave.encode.image_tokens import ImageTokens
from interleave.encode.settle import PLACEHOLDER
from interleave.sample import IDS_SUFFIX, JSON_SUFFIX, MAX_NAME_BYTES, Record, image_member, marked
from interleave.shard.manifest import ModelEntry, TokenizerEntry
from interleave.shard.takedown_request import Request
from interleave.validate.findings import Found
from interleave.validate.samples import RawSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample whose JSON and ids could be read."""

    raw: RawSample
    record: Record
    ids: Int32s
    covered: npt.NDArray[np.bool_]
    # (num_ids,) True where an image stands.

    @property
    def num_tokens(self) -> int:
        """Ids, with each image counted as what it becomes in the model."""
        return len(self.ids) + sum(self.record.span_tokens) - sum(length for _, length in self.record.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the manifest says; a tar without one is checked as far as it speaks for itself."""

    model: ModelEntry
    tokenizer: TokenizerEntry
    image: ImageTokens
    # Of the model.
    source_weights: Mapping[str, float]
    # What ids of a source count for; 1 where none is given.


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


def check_record(sample: Sample, expected: Expected | None) -> Found:
    """The JSON speaks of this sample and this dataset; its images are the members, by full name and in order."""
    record = sample.record
    if record.key != sample.raw.key:
        yield "sample-json", f"the JSON is of sample {record.key}"
    members = tuple(member.name for member in sample.raw.images)
    if record.image_members != members:
        yield "image-count", f"the JSON names {len(record.image_members)} images, the tar has {len(members)}"
    if not 0 <= record.part < record.num_parts:
        yield "sample-json", f"part {record.part} of {record.num_parts}"
    if not len(record.image_info) <= record.num_document_images:
        yield "sample-json", f"{len(record.image_info)} images, of a document that has {record.num_document_images}"
    if record.num_repeated_parts > len(record.texts):
        yield "sample-json", f"{record.num_repeated_parts} repeated of {len(record.texts)} texts and images"
    if expected is not None and (record.profile, record.tokenizer) != (expected.model.profile, expected.tokenizer.name):
        yield "sample-json", f"it is for {record.profile} with the tokenizer {record.tokenizer[:80]}"


def check_ids(sample: Sample, expected: Expected) -> Found:
    """Every id is in the vocabulary, or is the placeholder."""
    ids, vocab_size = sample.ids, expected.tokenizer.vocab_size
    valid = ((ids >= 0) & (ids < vocab_size)) | (ids == expected.model.placeholder)
    if not valid.all():
        at = int(np.flatnonzero(~valid)[0])
        yield "id-range", f"id {int(ids[at])} at {at} is not in the vocabulary of {vocab_size:,}"


def check_spans(sample: Sample, expected: Expected | None) -> Found:
    """Spans ascend, do not overlap, lie inside the ids, and hold all placeholders, as the profile has them."""
    end = 0
    for number, (start, length) in enumerate(sample.record.spans):
        if start < end or length < 1 or start + length > len(sample.ids):
            yield "span-placeholder", f"span {number} [{start}, {start + length}) overlaps or leaves the ids"
            return
        end = start + length
    if expected is None:
        return
    outside = np.flatnonzero(_is_one_of(sample.ids, expected.image.own_ids) & ~sample.covered)
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
        except (ValueError, ArithmeticError) as error:
            yield "span-placeholder", f"the image at {start}: {error}"
            continue
        if not np.array_equal(sample.ids[start : start + length], stored):
            yield "span-placeholder", f"the ids [{start}, {start + length}) are not an image of {image.profile}"
        elif num_tokens != len(expanded):
            message = f"the image at {start} is said to take {num_tokens} tokens, it takes {len(expanded)}"
            yield "span-placeholder", message


def check_special_tokens(sample: Sample, expected: Expected) -> Found:
    """BOS begins a document, EOS ends it, and no text has one of them."""
    record, ids, tokenizer = sample.record, sample.ids, expected.tokenizer
    is_first, is_last = record.part == 0, record.part == record.num_parts - 1
    for name, token, at, is_here in (
        ("BOS", tokenizer.bos, 0, is_first),
        ("EOS", tokenizer.eos, len(ids) - 1, is_last),
    ):
        if token is not None and is_here and (not len(ids) or ids[at] != token):
            yield "special-token", f"part {record.part + 1} of {record.num_parts} has no {name} (id {token}) at {at}"
    allowed = {0} if is_first else set()
    allowed |= {len(ids) - 1} if is_last else set()
    special = [token for token in (tokenizer.bos, tokenizer.eos) if token is not None]
    found = np.flatnonzero(_is_one_of(ids, special) & ~sample.covered)
    strange = [int(at) for at in found if at not in allowed]
    if strange:
        yield "special-token", f"id {int(ids[strange[0]])} at {strange[0]} is a special token inside the text"


def _is_one_of(ids: Int32s, few: Iterable[int]) -> npt.NDArray[np.bool_]:
    """(num_ids,) For a handful a comparison each is faster than np.isin."""
    found = np.zeros(len(ids), dtype=np.bool_)
    for number in few:
        found |= ids == number
    return found


def check_context(sample: Sample, expected: Expected) -> Found:
    """Text and expanded images fit the context, where samples were cut to one."""
    context = expected.model.context
    if context is not None and sample.num_tokens > context:
        yield "context", f"{sample.num_tokens:,} tokens with images, the context is {context:,}"


def check_loss(sample: Sample, expected: Expected | None) -> Found:
    """Learned ids lie inside the sample, outside of images, and are all new text where the recipe says so."""
    record, num_ids = sample.record, len(sample.ids)
    if any(start + length > num_ids or not length for start, length in record.loss_spans):
        yield "loss-span", f"a span of what is learned is empty or leaves the {num_ids} ids"
        return
    if record.num_repeated >= num_ids:
        yield "loss-span", f"all of the {num_ids} ids are said to be repeated"
        return
    weight = 1.0 if expected is None else expected.source_weights.get(record.source, 1.0)
    if expected is not None and record.loss_weight != weight:
        yield "loss-span", f"counts for {record.loss_weight}, the recipe has {weight} for {record.source[:80]!r}"
    learned, images = marked(record.loss_spans, num_ids), sample.covered
    if (learned & images).any():
        yield "loss-span", f"the image at {int(np.flatnonzero(learned & images)[0])} would be learned as text"
    elif learned[: record.num_repeated].any():
        yield "loss-span", "what the part before has, too, would be learned twice"
    elif expected is None or expected.model.loss == "text":
        yield from _check_all_learned(learned, images, record.num_repeated)


def _check_all_learned(learned: npt.NDArray[np.bool_], images: npt.NDArray[np.bool_], num_repeated: int) -> Found:
    wanted = ~images
    wanted[:num_repeated] = False
    if not np.array_equal(learned, wanted):
        num_left_out = int((wanted & ~learned).sum())
        yield "loss-span", f"{num_left_out:,} of {int(wanted.sum()):,} ids of new text are not learned"


def check_cuts(sample: Sample) -> Found:
    """Cut points ascend, and no image lies across one."""
    cuts, num_ids = sample.record.cuts, len(sample.ids)
    if list(cuts) != sorted(set(cuts)) or (cuts and cuts[-1] >= num_ids):
        yield "cut-points", f"they do not ascend inside the {num_ids} ids"
        return
    for start, length in sample.record.spans:
        inside = [cut for cut in cuts if start < cut < start + length]
        if inside:
            yield "cut-points", f"{inside[0]} is inside the image at [{start}, {start + length})"
            return


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
