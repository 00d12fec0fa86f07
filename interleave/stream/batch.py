"""Rows as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from interleave.images import decode_rgb
from interleave.pack.row import Row

IGNORED = -100


def collate(rows: Sequence[Row], *, decode: bool = True) -> dict[str, Any]:
    """Stacks rows into a batch.

    Returns a dict:
        input_ids, labels, segment_ids, position_ids
                        (batch, length) int64; labels are -100 on images and padding
        images          list of (3, height, width) uint8 sRGB tensors, or of JPEG bytes with decode=False
        image_rows, image_starts, image_tokens
                        (num_images,) int64: row, first token and number of tokens of each
        keys            the samples' keys, row by row

    A trainer must keep segments apart in attention (a block-diagonal mask, or cu_seqlens from segment_ids): positions
    that begin again isolate nothing by themselves.
    """
    ids = np.stack([row.token_ids for row in rows]).astype(np.int64)
    loss_mask = np.stack([row.loss_mask for row in rows])
    labels = np.where(loss_mask, ids, IGNORED)
    num_images = [len(row.images) for row in rows]
    jpegs = [jpeg for row in rows for jpeg in row.images]
    return {
        "input_ids": torch.from_numpy(ids),
        "labels": torch.from_numpy(labels),
        "segment_ids": torch.from_numpy(np.stack([row.segment_ids for row in rows]).astype(np.int64)),
        "position_ids": torch.from_numpy(np.stack([row.positions for row in rows]).astype(np.int64)),
        "images": [_pixels(jpeg) for jpeg in jpegs] if decode else jpegs,
        "image_rows": torch.from_numpy(np.repeat(np.arange(len(rows)), num_images)),
        "image_starts": torch.from_numpy(np.concatenate([row.image_starts for row in rows]).astype(np.int64)),
        "image_tokens": torch.from_numpy(np.concatenate([row.image_tokens for row in rows]).astype(np.int64)),
        "keys": [list(row.keys) for row in rows],
    }


def _pixels(jpeg: bytes) -> torch.Tensor:
    return torch.from_numpy(decode_rgb(jpeg)).permute(2, 0, 1).contiguous()
