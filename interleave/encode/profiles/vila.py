"""VILA 1.0 and 1.5: every image becomes the same number of tokens.

VILA 1.0 (arXiv 2312.07533): CLIP ViT-L/14 at 336 px, 24 x 24 patches = 576. VILA 1.5: SigLIP so400m/14 at 384 px,
27 x 27 patches, 2 x 2 of them a token, padded to 14 x 14 = 196.
"""

from __future__ import annotations

from dataclasses import replace

from interleave.encode.profiles.profile import Profile, always

VILA_1_0 = Profile(
    name="vila-1.0",
    summary="VILA 1.0: CLIP-L/14-336, linear projector",
    tokenizer="lmsys/vicuna-7b-v1.5",
    placeholder=-200,
    expand=always((-200, 576)),
    write=always((-200, 1)),
    stored="compact",
    context=4096,
    image_side=336,
    seen_side=336,
)
VILA_1_5 = replace(
    VILA_1_0,
    name="vila-1.5",
    summary="VILA 1.5: SigLIP-384/14, 2 x 2 downsampling",
    expand=always((-200, 196)),
    image_side=384,
    seen_side=384,
)
