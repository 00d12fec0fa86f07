"""One packed training row: samples one after another, told apart by segment ids and positions that begin again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interleave.document import Int32s


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A sample, or a part of one, as it goes into a row."""

    token_ids: Int32s
    # (num_ids,) as stored.
    loss_mask: npt.NDArray[np.bool_]
    # (num_ids,) True where the id is learned.
    span_starts: Int32s
    span_lengths: Int32s
    span_tokens: Int32s
    # (num_images,) where images stand among the stored ids, and what each becomes in the model.
    images: tuple[bytes, ...]
    # JPEG bytes, in order.
    key: str
    doc_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A training row of fixed length, in expanded tokens."""

    token_ids: Int32s
    segment_ids: Int32s
    # 1, 2, ... for each segment; 0 is padding.
    positions: Int32s
    # Begin at 0 in each segment.
    loss_mask: npt.NDArray[np.bool_]
    # (length,) each.
    image_starts: Int32s
    image_tokens: Int32s
    # (num_images,) where each image's tokens stand in the row.
    images: tuple[bytes, ...]
    keys: tuple[str, ...]
    doc_ids: tuple[str, ...]


def build_row(segments: Sequence[Segment], length: int, padding: int) -> Row:
    """Puts segments into one row, each image's placeholder repeated for as many tokens as it becomes in the model.

    The first token of a segment is not learned: what stands in front of it is another document. For segments of 3 and 2
    ids without images and a length of 6:

        segment_ids [1 1 1 2 2 0]    positions [0 1 2 0 1 0]    loss_mask [F T T F T F]
    """
    token_ids = np.full(length, padding, dtype=np.int32)
    segment_ids = np.zeros(length, dtype=np.int32)
    positions = np.zeros(length, dtype=np.int32)
    loss_mask = np.zeros(length, dtype=np.bool_)
    image_starts: list[Int32s] = []
    begin = 0
    for number, segment in enumerate(segments, start=1):
        repeats = expansion(segment)
        here = slice(begin, begin + int(repeats.sum()))
        token_ids[here] = np.repeat(segment.token_ids, repeats)
        segment_ids[here] = number
        positions[here] = np.arange(here.stop - begin)
        loss_mask[here] = np.repeat(segment.loss_mask, repeats)
        loss_mask[begin] = False
        image_starts.append(begin + (np.cumsum(repeats) - repeats)[segment.span_starts].astype(np.int32))
        begin = here.stop
    return Row(
        token_ids=token_ids,
        segment_ids=segment_ids,
        positions=positions,
        loss_mask=loss_mask,
        image_starts=np.concatenate([np.empty(0, np.int32), *image_starts]),
        image_tokens=np.concatenate([np.empty(0, np.int32), *(segment.span_tokens for segment in segments)]),
        images=tuple(image for segment in segments for image in segment.images),
        keys=tuple(segment.key for segment in segments),
        doc_ids=tuple(segment.doc_id for segment in segments),
    )


def expansion(segment: Segment) -> Int32s:
    """(num_ids,) how often each stored id stands in a row: 1, or an image's tokens at the first id of its span.

    For ids [7 p 8] with one image of 4 tokens at p: [1 4 1]. Where an image is stored as several placeholders already
    (p p p p), the first stands for the difference: [1 1 1 1 1 1].
    """
    repeats = np.ones(len(segment.token_ids), dtype=np.int32)
    repeats[segment.span_starts] += segment.span_tokens - segment.span_lengths
    return repeats
