"""Arguments of `forward` with which documents of a row do not see each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from interleave.pack.row import Row
from interleave.stream.forms.rows import labels_of, stacked


def causal_by_segment(segment_ids: torch.Tensor) -> torch.Tensor:
    """(batch, 1, length, length) bool: True where a token may look, at what stands before it in its own segment.

    segment_ids: (batch, length). Padding looks at padding, so that no row of the mask is empty.
    """
    length = segment_ids.shape[1]
    same = segment_ids[:, None, :, None] == segment_ids[:, None, None, :]
    return same & torch.ones(length, length, dtype=torch.bool).tril()


def text_inputs(rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """input_ids, labels, position_ids (batch, length) int64, and attention_mask as `causal_by_segment`."""
    ids = stacked(rows, "token_ids")
    return {
        "input_ids": ids,
        "labels": labels_of(rows, ids),
        "position_ids": stacked(rows, "positions"),
        "attention_mask": causal_by_segment(stacked(rows, "segment_ids")),
    }


def refuse_negative(rows: Sequence[Row], form: str) -> None:
    """
    Raises:
        ValueError: images stand as ids that no embedding has.
    """
    if any(row.token_ids.min(initial=0) < 0 for row in rows):
        raise ValueError(
            f"form={form!r}: an id is negative, as original LLaVA and VILA mark images; build the dataset for a "
            f"profile of transformers (`interleave profile list`), or take form='vila'"
        )
