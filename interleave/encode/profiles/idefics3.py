"""Idefics3 (arXiv 2408.12637) and SmolVLM (arXiv 2504.05299): rows of tiles, each named, then the whole image.

An image is resized until its longer side is `longest_edge`, enlarged too, and cut into tiles of `max_image_size` px:

    <fake_token_around_image> <row_1_col_1> <image> x 169  <fake_token_around_image> <row_1_col_2> <image> x 169 \\n
    <fake_token_around_image> <row_2_col_1> <image> x 169  <fake_token_around_image> <row_2_col_2> <image> x 169 \\n\\n
    <fake_token_around_image> <global-img>  <image> x 169  <fake_token_around_image>

An image within one tile, or with `do_image_splitting: 0`, is its last line alone. As in Idefics3Processor and
SmolVLMProcessor of transformers, which write the same; options have the names that their settings have. For documents
with several images lower `longest_edge`, or do not split: a square image is 17 views by default.
"""

from __future__ import annotations

from math import ceil

from interleave.encode.profiles.profile import Options, Profile, Run, always

_PLACEHOLDER = "<image>"
_BORDER = "<fake_token_around_image>"
_WHOLE = "<global-img>"
# The tokenizers have names for as many rows and columns.
_MAX_TILES = 6
# No image is made larger, whatever `longest_edge` is.
_LARGEST_SIDE = 4096


def _expand(width: int, height: int, num_images: int, options: Options) -> tuple[Run, ...]:
    columns, rows = _tiles(width, height, options)
    if max(columns, rows) > _MAX_TILES:
        raise ValueError(
            f"an image of {width} x {height} px is {columns} x {rows} tiles, and the model knows {_MAX_TILES} x "
            f"{_MAX_TILES}; lower longest_edge"
        )
    view = (_PLACEHOLDER, options["image_seq_len"])
    runs: list[Run] = []
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            runs += [(_BORDER, 1), (_name(row, column), 1), view]
        runs.append(("\n\n" if row == rows else "\n", 1))
    return (*runs, (_BORDER, 1), (_WHOLE, 1), view, (_BORDER, 1))


def _name(row: int, column: int) -> str:
    return f"<row_{row}_col_{column}>"


def _tiles(width: int, height: int, options: Options) -> tuple[int, int]:
    """Columns and rows of tiles; none where the image is within one."""
    tile_side = options["max_image_size"]
    if not options["do_image_splitting"]:
        return 0, 0
    width, height = _resized(width, height, options["longest_edge"])
    aspect = width / height
    if width >= height:
        width = ceil(width / tile_side) * tile_side
        height = ceil(int(width / aspect) / tile_side) * tile_side
    else:
        height = ceil(height / tile_side) * tile_side
        width = ceil(int(height * aspect) / tile_side) * tile_side
    if max(width, height) <= tile_side:
        return 0, 0
    return width // tile_side, height // tile_side


def _resized(width: int, height: int, longest_edge: int) -> tuple[int, int]:
    """Width and height in px of an image whose longer side is `longest_edge`; the other is made even."""
    aspect = width / height
    if width >= height:
        width, height = longest_edge, _even(int(longest_edge / aspect))
    else:
        width, height = _even(int(longest_edge * aspect)), longest_edge
    width, height = max(width, 1), max(height, 1)
    if max(width, height) <= _LARGEST_SIDE:
        return width, height
    aspect = width / height
    if width >= height:
        return _LARGEST_SIDE, max(int(_LARGEST_SIDE / aspect), 1)
    return max(int(_LARGEST_SIDE * aspect), 1), _LARGEST_SIDE


def _even(side: int) -> int:
    return side + side % 2


_NAMES = tuple(_name(row, column) for row in range(1, _MAX_TILES + 1) for column in range(1, _MAX_TILES + 1))
_MARKS = (_BORDER, _WHOLE, "\n", "\n\n", *_NAMES)

IDEFICS3 = Profile(
    name="idefics3",
    summary="Idefics3: SigLIP-364/14, up to 4 x 4 tiles and the whole image, 169 tokens each",
    tokenizer="HuggingFaceM4/Idefics3-8B-Llama3",
    placeholder=_PLACEHOLDER,
    expand=_expand,
    write=always((_PLACEHOLDER, 1)),
    stored="expanded",
    context=8192,
    image_side=1456,
    seen_side=364,
    marks=_MARKS,
    options={"longest_edge": 4 * 364, "max_image_size": 364, "image_seq_len": 169, "do_image_splitting": 1},
    bos="<|begin_of_text|>",
    eos="<|end_of_text|>",
)
SMOLVLM = Profile(
    name="smolvlm",
    # SmolVLM-Instruct and SmolVLM2-2.2B: longest_edge 1536, max_image_size 384, image_seq_len 81.
    summary="SmolVLM and SmolVLM2, 256M and 500M: SigLIP-512/16, up to 4 x 4 tiles and the whole image, 64 tokens each",
    tokenizer="HuggingFaceTB/SmolVLM-500M-Instruct",
    placeholder=_PLACEHOLDER,
    expand=_expand,
    write=always((_PLACEHOLDER, 1)),
    stored="expanded",
    context=8192,
    image_side=2048,
    seen_side=512,
    marks=_MARKS,
    options={"longest_edge": 4 * 512, "max_image_size": 512, "image_seq_len": 64, "do_image_splitting": 1},
    bos=None,
    eos="<|endoftext|>",
)
