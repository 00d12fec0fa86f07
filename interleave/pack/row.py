"""One packed training row: samples one after another, told apart by segment ids and positions that begin again.

For segments of 3 and 2 ids without images in a row of 6:

    token_ids   [5 6 7 8 9 0]    loss_mask  [F T T F T F]
    segment_ids [1 1 1 2 2 0]    positions  [0 1 2 0 1 0]    cu_seqlens [0 3 5]

An image's span, as few ids as it may have in the shards, becomes all that the model's processor makes of it. For ids
[5 s p e 6] with the span [s p e] of an image of 4 placeholders:

    token_ids   [5 s p p p p e 6]    image_starts [1]    image_tokens [6]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from interleave.document import Float32s, Int32s
from interleave.pack.mrope import mrope_positions

Bools = npt.NDArray[np.bool_]
# The label of what is not learned, as PyTorch's cross entropy has it.
IGNORED = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A sample, or a part of one, as it goes into a row."""

    token_ids: Int32s
    # (num_ids,) as stored.
    loss_mask: Bools
    # (num_ids,) True where the id is learned.
    span_starts: Int32s
    span_lengths: Int32s
    # (num_images,) where images stand among the stored ids, marks around them included; ascending, not overlapping.
    span_ids: tuple[Int32s, ...]
    # What each image is in the model: its placeholders and marks.
    span_grids: Int32s | None
    # (num_images, 2) rows and columns of placeholders; None where the model's positions have one dimension.
    placeholder: int
    images: tuple[bytes, ...]
    # JPEG bytes, in order.
    key: str
    doc_id: str
    source: str
    weight: float
    # Of its tokens in the loss.


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A training row of fixed length, in expanded tokens."""

    token_ids: Int32s
    segment_ids: Int32s
    # 1, 2, ... for each segment; 0 is padding.
    positions: Int32s
    # Begin at 0 in each segment.
    loss_mask: Bools
    # (length,) each.
    mrope_positions: Int32s | None
    # (3, length) temporal, height and width, beginning at 0 in each segment; None where the model has no grid.
    cu_seqlens: Int32s
    # (num_segments + 1,) where segments begin; the last one is the number of tokens without padding.
    segment_weights: Float32s
    # (num_segments,)
    keys: tuple[str, ...]
    doc_ids: tuple[str, ...]
    sources: tuple[str, ...]
    # One a segment.
    image_starts: Int32s
    image_tokens: Int32s
    # (num_images,) the span of each image in the row, marks included.
    images: tuple[bytes, ...]


def build_row(segments: Sequence[Segment], length: int, padding: int, *, has_grid: bool = False) -> Row:
    """Puts segments into one row, each image's span replaced by all that it is in the model.

    has_grid: whether the model's positions have three dimensions, also where the row holds nothing that would say so.

    Neither an image nor the first token of a segment is learned: what stands in front of that is another document.

    Raises:
        ValueError: the segments are longer than the row, or an image has not the placeholders of its grid.
    """
    parts = [_expand(segment) for segment in segments]
    sizes = [len(part.token_ids) for part in parts]
    cu_seqlens = np.cumsum([0, *sizes], dtype=np.int32)
    num_tokens = int(cu_seqlens[-1])
    if num_tokens > length:
        raise ValueError(f"segments of {num_tokens:,} tokens do not fit into a row of {length:,}")
    row = Row(
        token_ids=np.full(length, padding, dtype=np.int32),
        segment_ids=np.zeros(length, dtype=np.int32),
        positions=np.zeros(length, dtype=np.int32),
        loss_mask=np.zeros(length, dtype=np.bool_),
        mrope_positions=np.zeros((3, length), dtype=np.int32) if has_grid or _have_grids(segments) else None,
        cu_seqlens=cu_seqlens,
        segment_weights=np.array([segment.weight for segment in segments], dtype=np.float32),
        keys=tuple(segment.key for segment in segments),
        doc_ids=tuple(segment.doc_id for segment in segments),
        sources=tuple(segment.source for segment in segments),
        image_starts=_joined([begin + part.image_starts for begin, part in zip(cu_seqlens, parts, strict=False)]),
        image_tokens=_joined([part.image_tokens for part in parts]),
        images=tuple(image for segment in segments for image in segment.images),
    )
    for number, (begin, end) in enumerate(pairwise(cu_seqlens.tolist())):
        _fill(row, slice(begin, end), number + 1, segments[number], parts[number])
    return row


@dataclass(frozen=True, slots=True)
class _Expanded:
    """A segment as it stands in a row."""

    token_ids: Int32s
    loss_mask: Bools
    image_starts: Int32s
    image_tokens: Int32s


def _expand(segment: Segment) -> _Expanded:
    image_tokens = np.array([len(ids) for ids in segment.span_ids], dtype=np.int32)
    # repeats: (num_ids,) 1 for text; an image's size at the first id of its span, 0 at the others
    repeats = np.ones(len(segment.token_ids), dtype=np.int32)
    for start, length, size in zip(segment.span_starts, segment.span_lengths, image_tokens, strict=True):
        repeats[start : start + length] = 0
        repeats[start] = size
    image_starts = (np.cumsum(repeats) - repeats)[segment.span_starts].astype(np.int32)
    token_ids = np.repeat(segment.token_ids, repeats)
    loss_mask = np.repeat(segment.loss_mask, repeats)
    for start, ids in zip(image_starts.tolist(), segment.span_ids, strict=True):
        token_ids[start : start + len(ids)] = ids
        loss_mask[start : start + len(ids)] = False
    return _Expanded(token_ids, loss_mask, image_starts, image_tokens)


def _fill(row: Row, here: slice, number: int, segment: Segment, part: _Expanded) -> None:
    row.token_ids[here] = part.token_ids
    row.segment_ids[here] = number
    row.positions[here] = np.arange(len(part.token_ids))
    row.loss_mask[here] = part.loss_mask & (row.positions[here] > 0)
    if row.mrope_positions is not None and segment.span_grids is not None:
        is_placeholder = part.token_ids == segment.placeholder
        row.mrope_positions[:, here] = mrope_positions(is_placeholder, segment.span_grids)


def _have_grids(segments: Sequence[Segment]) -> bool:
    return bool(segments) and all(segment.span_grids is not None for segment in segments)


def _joined(parts: Sequence[Int32s]) -> Int32s:
    return np.concatenate([np.empty(0, np.int32), *parts])
