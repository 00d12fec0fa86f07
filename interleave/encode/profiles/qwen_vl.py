"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL: as many tokens as an image has pixels, within bounds.

An image is resized to multiples of 28 px (Qwen3-VL: 32), and each such square is a token. As in Qwen2VLImageProcessor.

    1000 x 500 px   36 x 18 squares of 28 px   <|vision_start|> <|image_pad|> x 648 <|vision_end|>

The checkpoints allow 16,384 tokens an image, which is more than a training sequence has. The default here is 1,280,
the upper end of what Qwen's documentation recommends, and the default of the class in transformers. A sequence with
several images wants less: `max_pixels: 200704` leaves 256 tokens an image. Give the model's processor the same.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, floor, sqrt

from interleave.encode.profiles.profile import Options, Profile, Run, always

_PLACEHOLDER = "<|image_pad|>"
_MAX_ASPECT = 200
_MAX_TOKENS = 1280


def _expand_2(width: int, height: int, num_images: int, options: Options) -> tuple[Run, ...]:
    return _expand(_grid_2(width, height, options))


def _expand_3(width: int, height: int, num_images: int, options: Options) -> tuple[Run, ...]:
    return _expand(_grid_3(width, height, options))


def _expand(grid: tuple[int, int]) -> tuple[Run, ...]:
    return (("<|vision_start|>", 1), (_PLACEHOLDER, grid[0] * grid[1]), ("<|vision_end|>", 1))


def _grid_2(width: int, height: int, options: Options) -> tuple[int, int]:
    return _squares(width, height, 28, options["min_pixels"], options["max_pixels"])


def _grid_3(width: int, height: int, options: Options) -> tuple[int, int]:
    return _squares(width, height, 32, options["min_pixels"], options["max_pixels"])


def _squares(width: int, height: int, side: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """Rows and columns of squares of `side` px that an image is resized to.

    Raises:
        ValueError: the image is too thin for the model.
    """
    if max(width, height) > _MAX_ASPECT * min(width, height):
        raise ValueError(f"an image of {width} x {height} px is more than {_MAX_ASPECT} times as long as wide")
    rows, columns = round(height / side), round(width / side)
    if rows * columns * side * side > max_pixels:
        shrink = sqrt(height * width / max_pixels)
        return max(1, floor(height / shrink / side)), max(1, floor(width / shrink / side))
    if rows * columns * side * side < min_pixels:
        grow = sqrt(min_pixels / (height * width))
        return ceil(height * grow / side), ceil(width * grow / side)
    return rows, columns


_MARKS = ("<|vision_start|>", "<|vision_end|>")
_WRITE = always((_MARKS[0], 1), (_PLACEHOLDER, 1), (_MARKS[1], 1))
# The class's and the checkpoints' smallest: 4 tokens.
_OPTIONS_2 = {"min_pixels": 4 * 28 * 28, "max_pixels": _MAX_TOKENS * 28 * 28}

QWEN2_VL = Profile(
    name="qwen2-vl",
    summary="Qwen2-VL: a token for each 28 x 28 px, at most 1,280; lower max_pixels for several images a sequence",
    tokenizer="Qwen/Qwen2-VL-7B-Instruct",
    placeholder=_PLACEHOLDER,
    expand=_expand_2,
    write=_WRITE,
    stored="expanded",
    context=8192,
    image_side=980,
    marks=_MARKS,
    options=_OPTIONS_2,
    bos=None,
    eos="<|endoftext|>",
    grid=_grid_2,
)
QWEN2_5_VL = replace(
    QWEN2_VL,
    name="qwen2.5-vl",
    summary="Qwen2.5-VL: a token for each 28 x 28 px, at most 1,280; lower max_pixels for several images a sequence",
    tokenizer="Qwen/Qwen2.5-VL-7B-Instruct",
)
QWEN3_VL = replace(
    QWEN2_VL,
    name="qwen3-vl",
    summary="Qwen3-VL: a token for each 32 x 32 px, 64 to 1,280; lower max_pixels for several images a sequence",
    tokenizer="Qwen/Qwen3-VL-8B-Instruct",
    expand=_expand_3,
    image_side=1120,
    # The checkpoints' smallest: 64 tokens.
    options={"min_pixels": 64 * 32 * 32, "max_pixels": _MAX_TOKENS * 32 * 32},
    grid=_grid_3,
)
