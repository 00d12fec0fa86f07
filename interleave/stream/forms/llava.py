"""What LlavaForConditionalGeneration of transformers takes, and models called in the same way (LLaVA-NeXT, Gemma 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interleave.pack.row import Row
from interleave.stream.forms.apart import refuse_negative, text_inputs
from interleave.stream.forms.rows import about
from interleave.stream.forms.wanted import Wanted


def llava(rows: Sequence[Row], wanted: Wanted) -> dict[str, Any]:
    """`model(**batch["inputs"])`: input_ids, labels, position_ids (batch, length) int64, attention_mask (batch, 1,
    length, length) bool, and what the image processor makes (pixel_values, image_sizes ...) where there are images.

    Raises:
        ValueError: there is no processor, or images stand as ids that the model does not have.
    """
    refuse_negative(rows, "llava")
    return {"inputs": text_inputs(rows) | wanted.pixels("llava")} | about(rows)
