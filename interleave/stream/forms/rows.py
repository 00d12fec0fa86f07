"""What all forms make of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from interleave.pack.row import IGNORED, Row


def about(rows: Sequence[Row]) -> dict[str, Any]:
    """What a batch says of itself: keys, doc_ids and sources, row by row, and sums without padding."""
    return {
        "keys": [list(row.keys) for row in rows],
        "doc_ids": [list(row.doc_ids) for row in rows],
        "sources": [list(row.sources) for row in rows],
        "source_tokens": _tokens_by_source(rows),
        "num_tokens": sum(int(row.cu_seqlens[-1]) for row in rows),
        "num_images": sum(len(row.image_starts) for row in rows),
        "num_positions": sum(len(row.token_ids) for row in rows),
    }


def stacked(rows: Sequence[Row], name: str) -> torch.Tensor:
    """(num_rows, length) int64 of a field of rows."""
    arrays = [getattr(row, name) for row in rows]
    found = np.empty((len(arrays), *arrays[0].shape), dtype=np.int64)
    for at, array in enumerate(arrays):
        found[at] = array
    return torch.from_numpy(found)


def labels_of(rows: Sequence[Row], ids: torch.Tensor) -> torch.Tensor:
    """(num_rows, length) int64: the ids that are learned, -100 elsewhere."""
    mask = torch.from_numpy(np.stack([row.loss_mask for row in rows]))
    return torch.where(mask, ids, IGNORED)


def _tokens_by_source(rows: Sequence[Row]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        for source, num_tokens in zip(row.sources, np.diff(row.cu_seqlens).tolist(), strict=True):
            found[source] = found.get(source, 0) + num_tokens
    return found
