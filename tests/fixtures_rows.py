"""Segments of a row for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interleave.pack.row import Segment

P, START, END = -200, -1, -2
# Where a span begins, its stored ids, and what it is in the model.
Span = tuple[int, int, Sequence[int]]


def segment(
    ids: Sequence[int],
    spans: Sequence[Span] = (),
    key: str = "0",
    *,
    grids: Sequence[tuple[int, int]] | None = None,
    weight: float = 1.0,
) -> Segment:
    """All ids are learned, those of spans too: that they are not is the row's business."""
    return Segment(
        token_ids=np.array(ids, dtype=np.int32),
        loss_mask=np.ones(len(ids), dtype=np.bool_),
        span_starts=np.array([span[0] for span in spans], dtype=np.int32),
        span_lengths=np.array([span[1] for span in spans], dtype=np.int32),
        span_ids=tuple(np.array(span[2], dtype=np.int32) for span in spans),
        span_grids=None if grids is None else np.array(grids, dtype=np.int32).reshape(-1, 2),
        placeholder=P,
        images=tuple(f"{key}/{at}".encode() for at in range(len(spans))),
        key=key,
        doc_id=f"doc-{key}",
        source=f"source-{key}",
        weight=weight,
    )
