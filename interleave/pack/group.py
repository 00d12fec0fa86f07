"""Short samples side by side as one segment, so that they see each other: pairs become examples for the next pair.

What is joined shares a source, and with it a weight. The first token of each sample is not learned, as in segments of
their own: what stands in front of it is the end of another document.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from interleave.pack.row import Segment


def group_short(segments: Sequence[Segment], below: int) -> list[Segment]:
    """The segments of a row, in order, with neighbours of one source joined that have fewer than `below` tokens each.

    For below = 4 and segments of 3, 2, 9, 2, 3 tokens of one source:  5, 9, 5. Keys and document ids of what was joined
    stand in one text, with `+` between them.
    """
    grouped: list[Segment] = []
    for _, run in groupby(segments, lambda segment: (_is_short(segment, below), segment.source)):
        found = list(run)
        grouped.extend([_joined(found)] if _is_short(found[0], below) and len(found) > 1 else found)
    return grouped


def _is_short(segment: Segment, below: int) -> bool:
    growth = sum(map(len, segment.span_ids)) - int(segment.span_lengths.sum())
    return len(segment.token_ids) + growth < below


def _joined(segments: Sequence[Segment]) -> Segment:
    begins = np.cumsum([0, *(len(segment.token_ids) for segment in segments)])
    starts = [begin + segment.span_starts for begin, segment in zip(begins, segments, strict=False)]
    grids = [segment.span_grids for segment in segments if segment.span_grids is not None]
    loss_mask = np.concatenate([segment.loss_mask for segment in segments])
    loss_mask[begins[:-1]] = False
    first = segments[0]
    return Segment(
        token_ids=np.concatenate([segment.token_ids for segment in segments]),
        loss_mask=loss_mask,
        span_starts=np.concatenate(starts).astype(np.int32),
        span_lengths=np.concatenate([segment.span_lengths for segment in segments]),
        span_ids=tuple(ids for segment in segments for ids in segment.span_ids),
        span_grids=np.concatenate(grids) if grids else None,
        placeholder=first.placeholder,
        images=tuple(image for segment in segments for image in segment.images),
        key="+".join(segment.key for segment in segments),
        doc_id="+".join(segment.doc_id for segment in segments),
        source=first.source,
        weight=first.weight,
    )
