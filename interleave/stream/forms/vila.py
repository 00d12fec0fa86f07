"""What VILA's own collator returns (llava/data/dataset.py, DataCollatorForSupervisedDataset of releases 1.0 and 1.5).

VILA's model puts the images' features in place of one id each, and packs sequences by itself, so each document is a
sequence of its own here, and an image one id.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from interleave.document import Int32s
from interleave.pack.row import IGNORED, Row
from interleave.stream.forms.rows import about
from interleave.stream.forms.wanted import Wanted


def vila(rows: Sequence[Row], wanted: Wanted) -> dict[str, Any]:
    """`model(**batch["inputs"])`: input_ids and labels (num_documents, longest) int64, attention_mask the same in bool,
    padded with 0 and -100; images (num_images, 3, height, width) as the image processor makes them, in order.

    Raises:
        ValueError: there is no processor, or an image is more than placeholders among the ids.
    """
    documents = [document for row in rows for document in _documents(row, wanted)]
    longest = max((len(ids) for ids, _ in documents), default=1)
    shape = (max(1, len(documents)), longest)
    ids, labels, mask = np.zeros(shape, np.int64), np.full(shape, IGNORED, np.int64), np.zeros(shape, np.bool_)
    for at, (found, learned) in enumerate(documents):
        ids[at, : len(found)] = found
        labels[at, : len(found)] = np.where(learned, found, IGNORED)
        mask[at, : len(found)] = True
    pixels = wanted.pixels("vila")
    inputs = {
        "input_ids": torch.from_numpy(ids),
        "labels": torch.from_numpy(labels),
        "attention_mask": torch.from_numpy(mask),
    }
    if pixels:
        inputs["images"] = pixels["pixel_values"]
    return {"inputs": inputs} | about(rows)


def _documents(row: Row, wanted: Wanted) -> list[tuple[Int32s, np.ndarray[Any, np.dtype[np.bool_]]]]:
    """Ids and what is learned of each segment, its images one id each."""
    kept = np.ones(len(row.token_ids), dtype=np.bool_)
    for start, num_tokens in zip(row.image_starts.tolist(), row.image_tokens.tolist(), strict=True):
        if len(set(row.token_ids[start : start + num_tokens].tolist())) != 1:
            profile = wanted.tokens.profile if wanted.tokens else "another model"
            raise ValueError(
                f"form='vila': the dataset is for {profile}, where an image has marks; expected VILA 1.0 or 1.5"
            )
        kept[start + 1 : start + num_tokens] = False
    found = []
    for start, stop in pairwise(row.cu_seqlens.tolist()):
        here = kept[start:stop]
        found.append((row.token_ids[start:stop][here], row.loss_mask[start:stop][here]))
    return found
