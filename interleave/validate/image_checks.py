"""What can be said of one image: alone, against its JSON, and against what the build measured."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from interleave.dedup.fingerprints import perceptual_hash
from interleave.errors import Unreadable
from interleave.images import THUMBNAIL_SIDE, decode_rgb, jpeg_metadata, stored_size
from interleave.validate.findings import Found

# (height, width, 3)
Pixels = npt.NDArray[np.uint8]

# Bits of 64. The build hashed the picture before it was compressed, and by another resizer: compression at quality 90
# and Pillow's move 4 of them at most in 2,000 photographs. Other pictures differ by 32 on average, 5 % of them by 24.
MAX_PHASH_DISTANCE = 14
# Of 255, on average: decoders round differently, and spread colour differently.
MAX_DIFFERENCE = 2.0


class Decoder:
    """Decodes image after image into one piece of memory: fresh memory would cost a tenth of the time."""

    def __init__(self) -> None:
        self._memory = np.empty(0, dtype=np.uint8)

    def decode(self, jpeg: bytes) -> Pixels:
        """The pixels, valid until the next call.

        Raises:
            Unreadable: it does not decode wholly.
        """
        height, width = stored_size(jpeg)
        num_bytes = 3 * height * width
        if len(self._memory) < num_bytes:
            self._memory = np.empty(num_bytes, dtype=np.uint8)
        return decode_rgb(jpeg, self._memory[:num_bytes].reshape(height, width, 3))


def check_metadata(jpeg: bytes) -> Found:
    """An image holds nothing but pixels."""
    try:
        extra = jpeg_metadata(jpeg)
    except Unreadable as error:
        yield "image-decode", f"is no JPEG: {error}"
        return
    if extra:
        yield "image-metadata", f"carries {', '.join(extra)}"


def check_size(pixels: Pixels, width: int, height: int) -> Found:
    """An image has the size that its JSON states."""
    if pixels.shape[:2] != (height, width):
        yield "image-size", f"is {pixels.shape[1]} x {pixels.shape[0]} px, the JSON says {width} x {height}"


def check_large_enough(width: int, height: int, used_side: int | None) -> Found:
    """An image has no fewer pixels than the model looks at."""
    if used_side is not None and min(width, height) < used_side:
        yield "image-small", f"is {width} x {height} px, the model enlarges it to a short side of {used_side}"


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
