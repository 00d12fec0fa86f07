"""Cutting a document to a context, in expanded tokens: text plus what each image becomes in the model.

Used by the build, and by the loader where shards hold whole documents, so that both cut at the same points.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from interleave.document import Encoded, ImageSpan, TextPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Where images stand among stored ids."""

    starts: Sequence[int]
    lengths: Sequence[int]
    # In stored ids; ascending, not overlapping.
    num_tokens: Sequence[int]
    # What each becomes in the model.


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """Borders of the parts of a document."""

    borders: tuple[int, ...]
    # (num_parts + 1,) positions in the stored ids, from 0 to their number.
    num_inside_units: int
    # Borders that had to fall inside a sentence with its images.


def cut(num_ids: int, spans: Spans, units: Sequence[int], context: int) -> Cutting:
    """The fewest parts of at most `context` expanded tokens, filled from the front.

    units: ascending positions where a sentence with its images begins. Only a unit that is alone too long is cut
    inside: then between its images, then between its tokens.

        ids  B i a a a i b b E   (i an image of 4 tokens), units [0, 5], context 9
        expanded sizes of the units: 1+4+3 = 8 and 4+2+1 = 7   ->   borders (0, 5, 9)

    Raises:
        ValueError: an image is alone longer than the context.
    """
    expanded = _Expanded(spans)
    soft = sorted({*units, num_ids} - {0})
    soft_ends = [expanded.at(position) for position in soft]
    images = sorted(
        {0, *spans.starts, *(start + length for start, length in zip(spans.starts, spans.lengths, strict=True))}
    )
    borders, num_inside_units, total = [0], 0, expanded.at(num_ids)
    while total - expanded.at(borders[-1]) > context:
        start = borders[-1]
        limit = expanded.at(start) + context
        reached = bisect_right(soft_ends, limit) - 1
        if reached >= 0 and soft[reached] > start:
            borders.append(soft[reached])
            continue
        borders.append(_inside_unit(start, limit, num_ids, images, expanded))
        num_inside_units += 1
    return Cutting(borders=(*borders, num_ids), num_inside_units=num_inside_units)


def split(encoded: Encoded, context: int | None) -> tuple[list[Encoded], int]:
    """The parts of a document, each within the context; and how many borders fell inside a unit."""
    if context is None or encoded.num_tokens <= context:
        return [encoded], 0
    cutting = cut(len(encoded.token_ids), spans_of(encoded), encoded.cuts.tolist(), context)
    parts = [
        _slice(encoded, start, end, part, len(cutting.borders) - 1)
        for part, (start, end) in enumerate(pairwise(cutting.borders))
    ]
    return parts, cutting.num_inside_units


def spans_of(encoded: Encoded) -> Spans:
    spans = encoded.spans
    return Spans(
        starts=[span.start for span in spans],
        lengths=[span.length for span in spans],
        num_tokens=[span.num_tokens for span in spans],
    )


class _Expanded:
    """Maps a position in the stored ids to expanded tokens before it."""

    def __init__(self, spans: Spans) -> None:
        self._starts = spans.starts
        self._growth = [0]
        for length, num_tokens in zip(spans.lengths, spans.num_tokens, strict=True):
            self._growth.append(self._growth[-1] + num_tokens - length)

    def at(self, position: int) -> int:
        return position + self._growth[bisect_right(self._starts, position - 1)]


def _inside_unit(start: int, limit: int, num_ids: int, images: Sequence[int], expanded: _Expanded) -> int:
    """The last border of an image within the limit; where there is none, text alone fills the part.

    Where it can be helped not in front of the last id: EOS alone is a part without anything to learn.
    """
    fitting = images[bisect_right(images, start) : bisect_right(images, limit, key=expanded.at)]
    if fitting:
        before_last = [position for position in fitting if position < num_ids - 1]
        return (before_last or fitting)[-1]
    num_tokens = limit - expanded.at(start)
    if expanded.at(start + 1) > limit:
        raise ValueError(f"an image takes more than the context of {num_tokens} tokens")
    end = start + num_tokens
    return end - 1 if end == num_ids - 1 and num_tokens > 1 else end


def _slice(encoded: Encoded, start: int, end: int, part: int, num_parts: int) -> Encoded:
    first, last = start == 0, end == len(encoded.token_ids)
    parts = tuple(piece for item in encoded.parts if (piece := _slice_part(item, start, end)) is not None)
    cuts = encoded.cuts[(encoded.cuts >= start) & (encoded.cuts < end)] - start
    covered = sum(piece.length for piece in parts)
    assert first or last or covered == end - start, "only BOS and EOS are outside of text and images"
    return Encoded(
        document=encoded.document,
        part=part,
        num_parts=num_parts,
        token_ids=encoded.token_ids[start:end],
        parts=parts,
        num_structural=end - start - covered,
        cuts=cuts,
    )


def _slice_part(part: TextPart | ImageSpan, start: int, end: int) -> TextPart | ImageSpan | None:
    """What of a part lies in [start, end), with positions relative to `start`."""
    low, high = max(part.start, start), min(part.start + part.length, end)
    if isinstance(part, ImageSpan):
        if low != part.start or high != part.start + part.length:
            return None
        return ImageSpan(start=low - start, length=part.length, num_tokens=part.num_tokens, image=part.image)
    if high < low or (high == low and not start <= part.start < end):
        return None
    text = part.text if high - low == part.length else part.text_between(low - part.start, high - part.start)
    return TextPart(start=low - start, length=high - low, sentence=part.sentence, text=text, borders=None)
