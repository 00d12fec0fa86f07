"""What each family of models makes of an image: its placeholder among the ids, and its tokens inside the model.

Figures: VILA (arXiv 2312.07533) and LLaVA-1.5 (arXiv 2310.03744): CLIP ViT-L/14 at 336 px, 24 x 24 patches = 576.
VILA-1.5: SigLIP so400m/14 at 384 px, 27 x 27 patches, 2 x 2 of them a token, padded to 14 x 14 = 196.
NVILA-Lite (arXiv 2412.04468): SigLIP at 448 px, 32 x 32 patches, 3 x 3 of them a token, padded to 11 x 11 = 121;
the profile here is one tile an image.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A family of models, as far as its training data depends on it."""

    name: str
    tokens_per_image: int
    # What one image is expanded to inside the model.
    placeholder: int | str
    # The id that stands for an image in the stored ids; a text is looked up, or put after the vocabulary.
    context: int
    # Longest sequence in expanded tokens.
    image_side: int
    # px; what the vision tower sees. Images are stored with a short side of at most this.
    summary: str


_PROFILES = (
    Profile(
        name="vila-1.0",
        tokens_per_image=576,
        placeholder=-200,
        context=4096,
        image_side=336,
        summary="VILA 1.0: CLIP-L/14-336, linear projector",
    ),
    Profile(
        name="vila-1.5",
        tokens_per_image=196,
        placeholder=-200,
        context=4096,
        image_side=384,
        summary="VILA 1.5: SigLIP-384/14, 2 x 2 downsampling",
    ),
    Profile(
        name="nvila-lite",
        tokens_per_image=121,
        placeholder="<image>",
        context=4096,
        image_side=448,
        summary="NVILA-Lite: SigLIP-448/14, 3 x 3 downsampling, one tile an image",
    ),
    Profile(
        name="llava-1.5",
        tokens_per_image=576,
        placeholder=-200,
        context=2048,
        image_side=336,
        summary="LLaVA 1.5: CLIP-L/14-336, MLP projector",
    ),
)
PROFILES = {profile.name: profile for profile in _PROFILES}
