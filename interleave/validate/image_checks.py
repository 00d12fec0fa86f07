"""What can be said of one image: alone, against its JSON, and against what the build measured."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from interleave.dedup.fingerprints import perceptual_hash
from interleave.errors import Unreadable
from interleave.images.normalise import THUMBNAIL_SIDE
from interleave.images.stored import decode_rgb, jpeg_metadata, read_through
from interleave.validate.findings import Found

# (height, width, 3)
Pixels = npt.NDArray[np.uint8]

# Bits of 64. The build hashed the picture before it was compressed, and by another resizer: that moved 4 of them at
# most in 1,574 pictures. Two different ones of these are 31 apart on average, and 3 in 20,000 pairs are 14 or less.
MAX_PHASH_DISTANCE = 14
# Of 255, on average: decoders round differently, and spread colour differently.
MAX_DIFFERENCE = 2.0


def check_jpeg(jpeg: bytes, width: int, height: int) -> Found:
    """An image is whole, has the size that its JSON states, and holds nothing but pixels."""
    try:
        found_height, found_width = read_through(jpeg)
        extra = jpeg_metadata(jpeg)
    except Unreadable as error:
        yield "image-decode", f"does not decode: {error}"
        return
    if extra:
        yield "image-metadata", f"carries {', '.join(extra)}"
    if (found_height, found_width) != (height, width):
        yield "image-size", f"is {found_width} x {found_height} px, the JSON says {width} x {height}"


def check_large_enough(width: int, height: int, used_side: int | None) -> Found:
    """An image has no fewer pixels than the model looks at."""
    if used_side is not None and min(width, height) < used_side:
        yield "image-small", f"is {width} x {height} px, the model enlarges it to a short side of {used_side}"


def check_pixels(jpeg: bytes, phash: int | None) -> Found:
    """Two decoders see the same picture, and the one that the build measured; phash: its hash then, None: not known."""
    try:
        pixels = decode_rgb(jpeg)
    except Unreadable:
        return  # said by `check_jpeg`
    yield from check_second_decoder(jpeg, pixels)
    if phash is not None:
        yield from check_looks(pixels, phash)


def check_second_decoder(jpeg: bytes, pixels: Pixels) -> Found:
    """Pillow sees what simplejpeg sees: trainers use either."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            other = np.asarray(image.convert("RGB"), dtype=np.int16)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        yield "image-decode", f"does not decode with Pillow: {str(error)[:200]}"
        return
    if other.shape != pixels.shape or (difference := float(np.abs(other - pixels).mean())) > MAX_DIFFERENCE:
        what = f"{difference:.1f} of 255 apart" if other.shape == pixels.shape else "of another size"
        yield "image-decode", f"is another picture with Pillow than with simplejpeg: {what}"


def check_looks(pixels: Pixels, phash: int) -> Found:
    """An image shows what it showed when the build measured it."""
    distance = (picture_hash(pixels) ^ phash).bit_count()
    if distance > MAX_PHASH_DISTANCE:
        yield "image-content", f"shows another picture than was measured: {distance} of 64 bits of its hash differ"


def picture_hash(pixels: Pixels) -> int:
    """As the build's `phash`, by Pillow's resizer, which every installation has."""
    cells = Image.fromarray(pixels).resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX).convert("L")
    return perceptual_hash(np.asarray(cells))
