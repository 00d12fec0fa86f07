"""What Qwen2-VL, 2.5-VL and 3-VL of transformers take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interleave.pack.row import Row
from interleave.stream.forms.apart import refuse_negative, text_inputs
from interleave.stream.forms.rows import about, stacked
from interleave.stream.forms.wanted import Wanted


def qwen2_vl(rows: Sequence[Row], wanted: Wanted) -> dict[str, Any]:
    """`model(**batch["inputs"])`: as `llava`, with position_ids (3, batch, length) that begin again in each document,
    and pixel_values and image_grid_thw of the image processor.

    Raises:
        ValueError: there is no processor, it makes other patches than the ids have room for, or the dataset is for
            another model.
    """
    refuse_negative(rows, "qwen2_vl")
    if any(row.mrope_positions is None for row in rows):
        profile = wanted.tokens.profile if wanted.tokens else "another model"
        raise ValueError(f"form='qwen2_vl': the dataset is for {profile}, expected a profile such as qwen2.5-vl")
    inputs = text_inputs(rows) | wanted.pixels("qwen2_vl")
    inputs["position_ids"] = stacked(rows, "mrope_positions").permute(1, 0, 2).contiguous()
    if "image_grid_thw" in inputs and wanted.tokens is not None:
        _check_grids(inputs["image_grid_thw"].prod(dim=1).tolist(), rows, wanted)
    return {"inputs": inputs} | about(rows)


def _check_grids(num_patches: Sequence[int], rows: Sequence[Row], wanted: Wanted) -> None:
    """Four patches become one token; a processor with other limits of pixels makes more or fewer of them."""
    assert wanted.tokens is not None
    num_placeholders = sum(int((row.token_ids == wanted.tokens.placeholder).sum()) for row in rows)
    if sum(num_patches) != 4 * num_placeholders:
        raise ValueError(
            f"form='qwen2_vl': the image processor makes {sum(num_patches):,} patches, the ids have room for "
            f"{4 * num_placeholders:,}; give it the dataset's min_pixels and max_pixels: {dict(wanted.tokens.options)}"
        )
