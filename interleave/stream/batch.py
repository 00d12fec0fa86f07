"""Rows as a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interleave.encode.image_tokens import ImageTokens
from interleave.pack.row import Row
from interleave.stream.forms.known import FORMS
from interleave.stream.forms.wanted import Images, Processor, Wanted


def collate(
    rows: Sequence[Row],
    *,
    images: Images | None = None,
    form: str = "pad",
    processor: Processor | None = None,
    tokens: ImageTokens | None = None,
) -> dict[str, Any]:
    """Stacks rows of one length into a batch.

    images: of all rows, in order; the rows' own JPEG bytes by default.
    form: "pad", a flat dict of tensors; or the arguments of a model's `forward`, under "inputs": "varlen", "vila",
        "llava", "qwen2_vl". Each is a file of `interleave/stream/forms`, which says what is in it.
    processor: makes pixel values of images: an image processor of transformers, or a function of the list of images
        that returns a tensor, or tensors by name.
    tokens: what an image is among the dataset's ids (`manifest.model.image`), for messages and checks.

    Every form has beside its tensors: keys, doc_ids and sources of the segments, row by row; num_tokens and
    source_tokens without padding, num_positions with it, num_images.

    A trainer must keep segments apart in attention (a block-diagonal mask, or cu_seqlens): positions that begin again
    isolate nothing by themselves. The forms that are a model's arguments do so.

    Raises:
        ValueError: the form is unknown, or does not suit the dataset or the processor.
    """
    if form not in FORMS:
        raise ValueError(f"form is {form!r}, expected one of {', '.join(FORMS)}")
    found = [jpeg for row in rows for jpeg in row.images] if images is None else images
    return FORMS[form](rows, Wanted(images=found, processor=processor, tokens=tokens))
