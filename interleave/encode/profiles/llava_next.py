"""LLaVA-NeXT and LLaVA-OneVision: a view of the whole image, then a grid of tiles without what only pads them.

An image is fitted into the grid that keeps most of its pixels; rows and columns of patches that are all padding are
left out, and each row of patches ends in one more token. As in LlavaNextProcessor and LlavaOnevisionProcessor.

    LLaVA-NeXT, 500 x 300 px   a grid of 2 x 1 tiles, 24 rows of 48 patches, of which 8 only pad: 40 are left
                               576 + 24 x 40 + 24 = 1560

LLaVA-OneVision (arXiv 2408.03326) shrinks more than 9 tiles' worth of patches (`anyres_max`) to about as many, and
looks so closely only at an image that is alone in its document: of several, each is 729 + 1 tokens.
"""

from __future__ import annotations

from math import sqrt

from interleave.encode.profiles.profile import Options, Profile, Run, always

_PLACEHOLDER = "<image>"
# Columns and rows of tiles, as the checkpoints' `image_grid_pinpoints` list them: of equals the first is taken.
_NEXT_GRIDS = ((2, 1), (1, 2), (2, 2), (1, 3), (3, 1))
_NEXT_TILE_SIDE = 336
_NEXT_PATCHES = 24
_ONEVISION_GRIDS = tuple((columns, rows) for rows in range(1, 7) for columns in range(1, 7))
_ONEVISION_TILE_SIDE = 384
_ONEVISION_PATCHES = 27


def _expand_next(width: int, height: int, num_images: int, options: Options) -> tuple[Run, ...]:
    grid = _fullest_grid(width, height, _NEXT_GRIDS, _NEXT_TILE_SIDE)
    columns, rows = _patches_in_image(width, height, grid, _NEXT_PATCHES)
    return ((_PLACEHOLDER, _NEXT_PATCHES**2 + columns * rows + rows),)


def _expand_onevision(width: int, height: int, num_images: int, options: Options) -> tuple[Run, ...]:
    if num_images > 1:
        return ((_PLACEHOLDER, _ONEVISION_PATCHES**2 + 1),)
    grid = _fullest_grid(width, height, _ONEVISION_GRIDS, _ONEVISION_TILE_SIDE)
    columns, rows = _patches_in_image(width, height, grid, _ONEVISION_PATCHES)
    shrink = sqrt(columns * rows / (options["anyres_max"] * _ONEVISION_PATCHES**2))
    if shrink > 1.1:
        columns, rows = int(columns // shrink), int(rows // shrink)
    return ((_PLACEHOLDER, _ONEVISION_PATCHES**2 + columns * rows + rows),)


def _fullest_grid(width: int, height: int, grids: tuple[tuple[int, int], ...], tile_side: int) -> tuple[int, int]:
    """The grid in which an image keeps most pixels, and of those the one with least room to spare."""
    best, most_kept, least_spare = grids[0], -1, 0
    for columns, rows in grids:
        grid_width, grid_height = columns * tile_side, rows * tile_side
        scale = min(grid_width / width, grid_height / height)
        kept = min(int(width * scale) * int(height * scale), width * height)
        spare = grid_width * grid_height - kept
        if kept > most_kept or (kept == most_kept and spare < least_spare):
            best, most_kept, least_spare = (columns, rows), kept, spare
    return best


def _patches_in_image(width: int, height: int, grid: tuple[int, int], tile_patches: int) -> tuple[int, int]:
    """Columns and rows of patches in a grid of tiles, less those that only pad; a thin image may leave none."""
    columns, rows = grid[0] * tile_patches, grid[1] * tile_patches
    if width / height > columns / rows:
        filled = int(round(height * (columns / width), 7))
        return columns, rows - (rows - filled) // 2 * 2
    filled = int(round(width * (rows / height), 7))
    return columns - (columns - filled) // 2 * 2, rows


LLAVA_NEXT = Profile(
    name="llava-next",
    summary="LLaVA-NeXT (1.6): CLIP-L/14-336, a whole view and up to 4 tiles",
    tokenizer="llava-hf/llava-v1.6-mistral-7b-hf",
    placeholder=_PLACEHOLDER,
    expand=_expand_next,
    write=always((_PLACEHOLDER, 1)),
    stored="expanded",
    context=4096,
    image_side=672,
    seen_side=336,
)
LLAVA_ONEVISION = Profile(
    name="llava-onevision",
    summary="LLaVA-OneVision: SigLIP-384/14, tiles for an image that is alone in its document",
    tokenizer="llava-hf/llava-onevision-qwen2-7b-ov-hf",
    placeholder=_PLACEHOLDER,
    expand=_expand_onevision,
    write=always((_PLACEHOLDER, 1)),
    stored="expanded",
    # An image alone can be 8,765 tokens.
    context=32768,
    # 3 x 3 tiles, all the patches that `anyres_max` leaves.
    image_side=1152,
    seen_side=384,
    options={"anyres_max": 9},
    bos=None,
    eos="<|endoftext|>",
)
