"""Rows of one length as tensors, with all that is known of them: for a model of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from interleave.document import Float32s, Int32s
from interleave.pack.row import Row
from interleave.stream.forms.rows import about, labels_of, stacked
from interleave.stream.forms.wanted import Wanted


def pad(rows: Sequence[Row], wanted: Wanted) -> dict[str, Any]:
    """A flat dict.

    input_ids, labels, segment_ids, position_ids
                    (batch, length) int64; labels are -100 on images and padding
    loss_weights    (batch, length) float32: the weight of its sample where a token is learned, 0 elsewhere
    cu_seqlens      (num_sequences + 1,) int32: where segments begin in the batch laid end to end, row after row;
                    a row's padding is a sequence of its own, so the last is batch * length
    max_seqlen      tokens of the longest of them
    mrope_position_ids
                    (3, batch, length) int64: temporal, height, width; only for models that rotate by them (Qwen)
    images          list of (3, height, width) uint8 sRGB tensors, or as was asked for
    image_rows, image_starts, image_tokens
                    (num_images,) int64: row, first token and number of tokens of each, with the marks around it

    and what the image processor makes of the images, if there is one.
    """
    ids = stacked(rows, "token_ids")
    cu_seqlens = _end_to_end(rows)
    batch = {
        "input_ids": ids,
        "labels": labels_of(rows, ids),
        "segment_ids": stacked(rows, "segment_ids"),
        "position_ids": stacked(rows, "positions"),
        "loss_weights": torch.from_numpy(np.stack([_weights(row) for row in rows])),
        "cu_seqlens": torch.from_numpy(cu_seqlens),
        "max_seqlen": int(np.diff(cu_seqlens).max()),
        "images": wanted.images,
        "image_rows": torch.from_numpy(np.repeat(np.arange(len(rows)), [len(row.image_starts) for row in rows])),
        "image_starts": torch.from_numpy(np.concatenate([row.image_starts for row in rows]).astype(np.int64)),
        "image_tokens": torch.from_numpy(np.concatenate([row.image_tokens for row in rows]).astype(np.int64)),
    }
    if all(row.mrope_positions is not None for row in rows):
        batch["mrope_position_ids"] = stacked(rows, "mrope_positions").permute(1, 0, 2).contiguous()
    return batch | wanted.processed() | about(rows)


def _end_to_end(rows: Sequence[Row]) -> Int32s:
    """For rows of 8 with the borders [0 3 5] and [0 8]:  [0 3 5 8 16]."""
    length = len(rows[0].token_ids)
    ends = [row.cu_seqlens[1:] + number * length for number, row in enumerate(rows)]
    return np.unique(np.concatenate([[0], *ends, np.arange(1, len(rows) + 1) * length])).astype(np.int32)


def _weights(row: Row) -> Float32s:
    if (row.segment_weights == 1).all():  # as nearly always, and ten times as fast
        return row.loss_mask.astype(np.float32)
    by_segment = np.concatenate([np.zeros(1, np.float32), row.segment_weights])
    return np.where(row.loss_mask, by_segment[row.segment_ids], np.float32(0))
