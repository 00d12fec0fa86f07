"""LLaVA-1.5 (arXiv 2310.03744): CLIP ViT-L/14 at 336 px, 24 x 24 patches = 576 tokens an image.

LLaVA's own code puts them in place of a -200 inside the model; LlavaProcessor of transformers writes 576 `<image>`.
"""

from __future__ import annotations

from interleave.encode.profiles.profile import Profile, always

LLAVA_1_5 = Profile(
    name="llava-1.5",
    summary="LLaVA 1.5: CLIP-L/14-336, MLP projector",
    tokenizer="lmsys/vicuna-7b-v1.5",
    placeholder=-200,
    expand=always((-200, 576)),
    write=always((-200, 1)),
    stored="compact",
    context=2048,
    image_side=336,
    seen_side=336,
)
LLAVA_1_5_HF = Profile(
    name="llava-1.5-hf",
    summary="LLaVA 1.5 of transformers: the same 576 tokens, written out",
    tokenizer="llava-hf/llava-1.5-7b-hf",
    placeholder="<image>",
    expand=always(("<image>", 576)),
    write=always(("<image>", 1)),
    stored="expanded",
    context=2048,
    image_side=336,
    seen_side=336,
)
