"""Gemma 3 (arXiv 2503.19786): SigLIP at 896 px, 64 x 64 patches averaged to 256 tokens, whatever an image's shape.

    \\n\\n <start_of_image> <image_soft_token> x 256 <end_of_image> \\n\\n

The newlines around it are text, and encoded together with their neighbours. As in Gemma3Processor; its "pan and scan"
is off there by default, and here always.
"""

from __future__ import annotations

from interleave.encode.profiles.profile import Profile, always

GEMMA_3 = Profile(
    name="gemma-3",
    summary="Gemma 3: SigLIP-896/14, averaged to 256 tokens",
    tokenizer="google/gemma-3-4b-pt",
    placeholder="<image_soft_token>",
    expand=always(("<start_of_image>", 1), ("<image_soft_token>", 256), ("<end_of_image>", 1)),
    write=always(("<start_of_image>", 1)),
    stored="expanded",
    context=8192,
    image_side=896,
    seen_side=896,
    marks=("<start_of_image>", "<end_of_image>"),
    text_before="\n\n",
    text_after="\n\n",
)
