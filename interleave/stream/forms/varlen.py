"""Rows end to end without padding, as flash-attention's variable length takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from interleave.pack.row import IGNORED, Row
from interleave.stream.forms.rows import about
from interleave.stream.forms.wanted import Wanted


def varlen(rows: Sequence[Row], wanted: Wanted) -> dict[str, Any]:
    """`model(**batch["inputs"])` with attn_implementation="flash_attention_2", as transformers'
    DataCollatorWithFlattening has it: input_ids, labels, position_ids (1, num_tokens) int64, cu_seq_lens_q and _k
    (num_segments + 1,) int32, max_length_q and _k; and what the image processor makes.

    Beside them `images`, and image_starts, image_tokens (num_images,) int64 along the one sequence.
    """
    ends = [int(row.cu_seqlens[-1]) for row in rows]
    firsts = np.cumsum([0, *ends[:-1]])
    ids = np.concatenate([row.token_ids[:end] for row, end in zip(rows, ends, strict=True)]).astype(np.int64)
    learned = np.concatenate([row.loss_mask[:end] for row, end in zip(rows, ends, strict=True)])
    positions = np.concatenate([row.positions[:end] for row, end in zip(rows, ends, strict=True)])
    borders = np.concatenate([[0], *(first + row.cu_seqlens[1:] for first, row in zip(firsts, rows, strict=True))])
    cu_seqlens, longest = torch.from_numpy(borders.astype(np.int32)), int(np.diff(borders).max(initial=0))
    starts = [first + row.image_starts for first, row in zip(firsts, rows, strict=True)]
    return {
        "inputs": {
            "input_ids": torch.from_numpy(ids)[None],
            "labels": torch.from_numpy(np.where(learned, ids, IGNORED))[None],
            "position_ids": torch.from_numpy(positions.astype(np.int64))[None],
            "cu_seq_lens_q": cu_seqlens,
            "cu_seq_lens_k": cu_seqlens,
            "max_length_q": longest,
            "max_length_k": longest,
            **wanted.processed(),
        },
        "images": wanted.images,
        "image_starts": torch.from_numpy(np.concatenate(starts).astype(np.int64)),
        "image_tokens": torch.from_numpy(np.concatenate([row.image_tokens for row in rows]).astype(np.int64)),
    } | about(rows)
