"""Rows as tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from interleave.document import Float32s, Int32s
from interleave.encode.image_tokens import ImageTokens
from interleave.images import decode_rgb
from interleave.pack.row import IGNORED, Row

Processor = Callable[[Any], Any]


def collate(
    rows: Sequence[Row],
    *,
    decode: bool = True,
    images: Sequence[torch.Tensor | bytes] | None = None,
    form: str = "pad",
    processor: Processor | None = None,
    tokens: ImageTokens | None = None,
) -> dict[str, Any]:
    """Stacks rows into a batch.

    Returns a dict:
        input_ids, labels, segment_ids, position_ids
                        (batch, length) int64; labels are -100 on images and padding
        loss_weights    (batch, length) float32: the weight of its sample where a token is learned, 0 elsewhere
        cu_seqlens      (num_sequences + 1,) int32: where segments begin in the batch laid end to end, row after row;
                        a row's padding is a sequence of its own, so the last is batch * length
        max_seqlen      tokens of the longest of them
        mrope_position_ids
                        (3, batch, length) int64: temporal, height, width; only for models that rotate by them (Qwen)
        images          list of (3, height, width) uint8 sRGB tensors, or of JPEG bytes with decode=False
        image_rows, image_starts, image_tokens
                        (num_images,) int64: row, first token and number of tokens of each, with the marks around it
        keys, doc_ids, sources
                        of the segments, row by row

    A trainer must keep segments apart in attention (a block-diagonal mask, or cu_seqlens): positions that begin again
    isolate nothing by themselves.
    """
    ids = np.stack([row.token_ids for row in rows]).astype(np.int64)
    loss_mask = np.stack([row.loss_mask for row in rows])
    cu_seqlens = _end_to_end(rows)
    num_images = [len(row.images) for row in rows]
    jpegs = [jpeg for row in rows for jpeg in row.images]
    batch = {
        "input_ids": torch.from_numpy(ids),
        "labels": torch.from_numpy(np.where(loss_mask, ids, IGNORED)),
        "segment_ids": torch.from_numpy(np.stack([row.segment_ids for row in rows]).astype(np.int64)),
        "position_ids": torch.from_numpy(np.stack([row.positions for row in rows]).astype(np.int64)),
        "loss_weights": torch.from_numpy(np.stack([_weights(row) for row in rows])),
        "cu_seqlens": torch.from_numpy(cu_seqlens),
        "max_seqlen": int(np.diff(cu_seqlens).max()),
        "images": images if images is not None else [_pixels(jpeg) for jpeg in jpegs] if decode else jpegs,
        "image_rows": torch.from_numpy(np.repeat(np.arange(len(rows)), num_images)),
        "image_starts": torch.from_numpy(np.concatenate([row.image_starts for row in rows]).astype(np.int64)),
        "image_tokens": torch.from_numpy(np.concatenate([row.image_tokens for row in rows]).astype(np.int64)),
        "keys": [list(row.keys) for row in rows],
        "doc_ids": [list(row.doc_ids) for row in rows],
        "sources": [list(row.sources) for row in rows],
    }
    mrope = [row.mrope_positions for row in rows if row.mrope_positions is not None]
    if len(mrope) == len(rows):
        batch["mrope_position_ids"] = torch.from_numpy(np.stack(mrope, axis=1).astype(np.int64))
    return batch


def _end_to_end(rows: Sequence[Row]) -> Int32s:
    """For rows of 8 with the borders [0 3 5] and [0 8]:  [0 3 5 8 16]."""
    length = len(rows[0].token_ids)
    ends = [row.cu_seqlens[1:] + number * length for number, row in enumerate(rows)]
    return np.unique(np.concatenate([[0], *ends, np.arange(1, len(rows) + 1) * length])).astype(np.int32)


def _weights(row: Row) -> Float32s:
    by_segment = np.concatenate([np.zeros(1, np.float32), row.segment_weights])
    return np.where(row.loss_mask, by_segment[row.segment_ids], np.float32(0))


def _pixels(jpeg: bytes) -> torch.Tensor:
    return torch.from_numpy(decode_rgb(jpeg)).permute(2, 0, 1).contiguous()
