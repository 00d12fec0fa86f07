"""Cutting a document to a context, in expanded tokens: text plus what each image becomes in the model.

Used by the build, and by the loader where shards hold whole documents, so that both cut at the same points.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from interleave.document import Encoded, ImageSpan, TextPart
from interleave.encode.settings import Splitting

NO_POLICY = Splitting()


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
    begins: tuple[int, ...]
    # (num_parts,) where each part begins: before its border where it begins with units of the part before.
    num_inside_units: int
    # Borders that had to fall inside a sentence with its images.


def cut(
    num_ids: int, spans: Spans, units: Sequence[int], context: int, *, overlap: int = 0, min_tokens: int = 0
) -> Cutting:
    """Parts of at most `context` expanded tokens, filled from the front; without overlap the fewest there can be.

    units: ascending positions where a sentence with its images begins. Only a unit that is alone too long is cut
    inside: then between its images, then between its tokens.
    overlap: units that a part begins with once more, as far as there is room for a new one behind them.
    min_tokens: a last part that is smaller takes units from the one before, which keeps as many.

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
    borders, begins, num_inside_units, total = [0], [0], 0, expanded.at(num_ids)
    while total - expanded.at(begins[-1]) > context:
        start, limit = borders[-1], expanded.at(begins[-1]) + context
        reached = bisect_right(soft_ends, limit) - 1
        if reached >= 0 and soft[reached] > start:
            borders.append(soft[reached])
            begins.append(_begin_of(borders[-2], borders[-1], soft, overlap))
        elif begins[-1] < start:  # no room for a new unit behind what is repeated: a unit less of that
            begins[-1] = soft[bisect_right(soft, begins[-1])]
        else:
            borders.append(_inside_unit(start, limit, num_ids, images, expanded))
            begins.append(borders[-1])
            num_inside_units += 1
    if len(borders) > 1 and total - expanded.at(borders[-1]) < min_tokens:
        reached = bisect_right(soft_ends, total - min_tokens) - 1
        sizes = (soft_ends[reached] - expanded.at(borders[-2]), total - soft_ends[reached])
        if reached >= 0 and sizes[0] >= min_tokens and sizes[1] <= context:
            num_inside_units -= borders[-1] not in soft
            borders[-1] = soft[reached]
            begins[-1] = _begin_of(borders[-2], borders[-1], soft, overlap)
            while total - expanded.at(begins[-1]) > context:
                begins[-1] = soft[bisect_right(soft, begins[-1])]
    return Cutting(borders=(*borders, num_ids), begins=tuple(begins), num_inside_units=num_inside_units)


def _begin_of(start: int, border: int, soft: Sequence[int], overlap: int) -> int:
    """Where the part behind a border begins: so many units earlier, of those that are new in [start, border).

    The first unit of a document, with its BOS, is never repeated.
    """
    inside = soft[bisect_left(soft, start) : bisect_left(soft, border)]
    return inside[-overlap:][0] if overlap and inside else border


def split(encoded: Encoded, context: int | None, policy: Splitting = NO_POLICY) -> tuple[list[Encoded], int]:
    """The parts of a document, each within the context; and how many borders fell inside a unit."""
    if context is None or encoded.num_tokens <= _context_of(encoded, context, policy):
        return [encoded], 0
    cutting = cut(
        len(encoded.token_ids),
        spans_of(encoded),
        encoded.cuts.tolist(),
        context,
        overlap=policy.overlap,
        min_tokens=policy.min_tokens,
    )
    parts = [
        _slice(encoded, begin, start, end, (number, len(cutting.begins)))
        for number, (begin, (start, end)) in enumerate(zip(cutting.begins, pairwise(cutting.borders), strict=True))
    ]
    return parts, cutting.num_inside_units


def _context_of(encoded: Encoded, context: int, policy: Splitting) -> int:
    """The longest that a document may be and stay whole."""
    few_shot = policy.few_shot
    if few_shot is None or encoded.num_tokens <= context:
        return context
    pairs = sum(
        isinstance(before, ImageSpan) and isinstance(current, TextPart) for before, current in pairwise(encoded.parts)
    )
    return max(context, few_shot.context) if pairs >= few_shot.min_pairs else context


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


def _slice(encoded: Encoded, begin: int, start: int, end: int, number: tuple[int, int]) -> Encoded:
    """The ids [begin, end); those before `start` are repeated. `number`: which part, and of how many."""
    is_last = end == len(encoded.token_ids)
    parts = tuple(piece for item in encoded.parts if (piece := _slice_part(item, begin, end, is_last)) is not None)
    cuts = encoded.cuts[(encoded.cuts >= begin) & (encoded.cuts < end)] - begin
    return Encoded(
        document=encoded.document,
        part=number[0],
        num_parts=number[1],
        token_ids=encoded.token_ids[begin:end],
        parts=parts,
        num_structural=end - begin - sum(piece.length for piece in parts),
        num_repeated=start - begin,
        cuts=cuts,
    )


def _slice_part(part: TextPart | ImageSpan, start: int, end: int, is_last: bool) -> TextPart | ImageSpan | None:
    """What of a part lies in [start, end), with positions relative to `start`."""
    low, high = max(part.start, start), min(part.start + part.length, end)
    if isinstance(part, ImageSpan):
        if low != part.start or high != part.start + part.length:
            return None
        return ImageSpan(start=low - start, length=part.length, num_tokens=part.num_tokens, image=part.image)
    is_here = start <= part.start < end or (is_last and part.start == end)
    if high < low or (high == low and not is_here):
        return None
    text = part.text if high - low == part.length else part.text_between(low - part.start, high - part.start)
    return TextPart(start=low - start, length=high - low, sentence=part.sentence, text=text, borders=None)
