"""InternVL3 (arXiv 2504.10479) as transformers has it: tiles of 448 px and a thumbnail, 256 tokens each.

    900 x 450 px   2 tiles and a thumbnail   <img> <IMG_CONTEXT> x 768 </img>

InternVLProcessor gives every image up to `max_patches` tiles. InternVL's own training shares them among the images of
a sample (InternVL 2.5, arXiv 2412.05271): `shared_patches: 1` does so.
"""

from __future__ import annotations

from interleave.encode.profiles.profile import Options, Profile, Run, always
from interleave.encode.profiles.tiles import nearest_grid

_PLACEHOLDER = "<IMG_CONTEXT>"
_TILE_SIDE = 448
_TOKENS_PER_TILE = 256


def _expand(width: int, height: int, num_images: int, options: Options) -> tuple[Run, ...]:
    max_tiles = options["max_patches"]
    if options["shared_patches"]:
        max_tiles = max(1, max_tiles // num_images)
    columns, rows = nearest_grid(
        width, height, tile_side=_TILE_SIDE, min_tiles=options["min_patches"], max_tiles=max_tiles
    )
    num_views = columns * rows + (columns * rows > 1)
    return (("<img>", 1), (_PLACEHOLDER, _TOKENS_PER_TILE * num_views), ("</img>", 1))


INTERNVL3 = Profile(
    name="internvl3",
    summary="InternVL3: InternViT-448/14, up to 12 tiles and a thumbnail",
    tokenizer="OpenGVLab/InternVL3-8B-hf",
    placeholder=_PLACEHOLDER,
    expand=_expand,
    write=always((_PLACEHOLDER, 1)),
    stored="expanded",
    context=16384,
    image_side=1344,
    seen_side=448,
    marks=("<img>", "</img>"),
    options={"min_patches": 1, "max_patches": 12, "shared_patches": 0},
)
