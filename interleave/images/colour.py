"""Colours of any profile to sRGB, and what is transparent on white."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageCms

from interleave.images.headers import MAX_PROFILE_BYTES
from interleave.images.pillow import HOSTILE


def on_white_in_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Colour first, white after: the white is sRGB's own. At the final size, where both cost least."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colour = image.convert(image.mode[:-1]) if alpha else image
    if transform := transform_to_srgb(icc, colour.mode.removesuffix("X")):
        colour = colour if colour.mode == transform.input_mode else colour.convert(transform.input_mode)
        colour = transform.apply_in_place(colour) if colour.mode == "RGB" else transform.apply(colour)
    elif colour.mode == "CMYK":
        colour = colour.convert("RGB")
    if alpha:
        colour.paste("white", mask=ImageChops.invert(alpha))  # in place: at 25 megapixels a canvas would cost 100 MB
    return colour


@lru_cache(maxsize=32)
def transform_to_srgb(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB; None for sRGB itself, in any of its many variants, and for useless profiles.

    Relative colorimetric with black point compensation, as browsers do: colours inside sRGB stay exact, white stays
    white; matrix profiles such as Display P3 have no perceptual table anyway.
    """
    if not 128 <= len(icc) <= MAX_PROFILE_BYTES:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        input_mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[profile.profile.xcolor_space.strip()]
        if input_mode != mode and (input_mode, mode) != ("RGB", "L"):
            return None
        transform = ImageCms.ImageCmsTransform(
            profile, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")), input_mode, "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC, flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )  # fmt: skip
        cube = np.indices((9,) * 3, np.uint8).reshape(3, -1).T * np.uint8(31)  # 0, 31 .. 248 a channel
        probe = Image.fromarray(np.ascontiguousarray(cube[None]), "RGB").convert(input_mode)
        moved = np.abs(np.asarray(transform.apply(probe), np.int16) - np.asarray(probe.convert("RGB"), np.int16))
    except (ImageCms.PyCMSError, *HOSTILE):
        return None
    return transform if input_mode == "CMYK" or moved.max() > 2 else None
