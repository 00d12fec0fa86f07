"""NVILA (arXiv 2412.04468): SigLIP at 448 px, 32 x 32 patches a tile, and as many tiles as an image's shape asks for.

NVILA-Lite (`dynamic`): tiles and a thumbnail, 3 x 3 patches a token, padded to 11 x 11 = 121 tokens. A prompt has one
`<image>` and a newline for each, and the model puts a newline of its own behind the tokens of each:

    two tiles and a thumbnail in a prompt    <image> \\n <image> \\n <image> \\n
    and in the model                         <image> x 121 \\n \\n <image> x 121 \\n \\n <image> x 121 \\n \\n

The last newline is text: it is encoded together with what follows. NVILA (`dynamic_s2`): 9 to 12 tiles at the largest
of three scales, 2 x 2 patches a token: 256 tokens a tile, one `<image>` and one newline of the model's for all of them.

VILA's code at b760c34: llava/mm_utils.py (tiles), llava/model/encoders/image/basic.py (the model's newline),
llava/model/llava_arch.py (scales), llava/data/dataset.py (every image of an interleaved document is tiled in training,
in at most 6 tiles for NVILA-Lite), scripts/NVILA-Lite, scripts/NVILA.
"""

from __future__ import annotations

from interleave.encode.profiles.profile import Options, Profile, Run, always
from interleave.encode.profiles.tiles import nearest_grid

_PLACEHOLDER = "<image>"
_TILE_SIDE = 448
_TOKENS_PER_TILE_LITE = 11 * 11
_TOKENS_PER_TILE = 16 * 16
# The largest scale, 1344 px, has as many tiles.
_MIN_TILES = (1344 // 448) ** 2


def num_tiles_lite(width: int, height: int, options: Options) -> int:
    """Tiles of an image in NVILA-Lite; the thumbnail counts where there is more than one."""
    max_tiles = options["max_tiles"]
    columns, rows = nearest_grid(width, height, tile_side=_TILE_SIDE, min_tiles=1, max_tiles=max_tiles)
    return columns * rows + (columns * rows > 1)


def _expand_lite(width: int, height: int, num_images: int, options: Options) -> tuple[Run, ...]:
    tile = (_PLACEHOLDER, _TOKENS_PER_TILE_LITE)
    num_others = num_tiles_lite(width, height, options) - 1
    return (*(tile, ("\n", 2)) * num_others, tile, ("\n", 1))


def _write_lite(width: int, height: int, num_images: int, options: Options) -> tuple[Run, ...]:
    num_others = num_tiles_lite(width, height, options) - 1
    return (*((_PLACEHOLDER, 1), ("\n", 1)) * num_others, (_PLACEHOLDER, 1))


def _expand(width: int, height: int, num_images: int, options: Options) -> tuple[Run, ...]:
    max_tiles = options["max_tiles"]
    columns, rows = nearest_grid(width, height, tile_side=_TILE_SIDE, min_tiles=_MIN_TILES, max_tiles=max_tiles)
    return ((_PLACEHOLDER, _TOKENS_PER_TILE * columns * rows), ("\n", 1))


NVILA_LITE = Profile(
    name="nvila-lite",
    summary="NVILA-Lite: SigLIP-448/14, up to 6 tiles and a thumbnail, 3 x 3 downsampling",
    tokenizer="Qwen/Qwen2-7B-Instruct",
    placeholder=_PLACEHOLDER,
    expand=_expand_lite,
    write=_write_lite,
    stored="compact",
    context=4096,
    image_side=896,
    seen_side=448,
    marks=("\n",),
    # 6 as VILA trains on interleaved documents; 12 as it fine-tunes, and reads one image alone; 1: never tiled.
    options={"max_tiles": 6},
    text_after="\n",
)
NVILA = Profile(
    name="nvila",
    summary="NVILA: SigLIP-448/14, three scales, 9 to 12 tiles, 2 x 2 downsampling; set max_tiles to 1 for 256 tokens",
    tokenizer="Qwen/Qwen2-7B-Instruct",
    placeholder=_PLACEHOLDER,
    expand=_expand,
    write=always((_PLACEHOLDER, 1)),
    stored="compact",
    context=8192,
    image_side=1344,
    seen_side=448,
    marks=("\n",),
    # Fewer than 9: the scales are seen as one tile.
    options={"max_tiles": 12},
)
