"""One picture out of a TIFF of several: how MINT-1T keeps the images of a PDF."""

from __future__ import annotations

import io
import warnings

from PIL import Image

from interleave.errors import Unreadable
from interleave.images import PILLOW_LOCK, hostile_data_refused

# Memory: the file, the frame at 4 bytes a px, and its PNG.
MAX_TIFF_BYTES = 200_000_000
MAX_PIXELS = 25_000_000
_MAX_FRAMES = 1_000  # each costs the way to it


def tiff_frame_as_png(data: bytes, frame: int, max_bytes: int) -> bytes:
    """Frame `frame`, from 0, of a TIFF, as a PNG, which the codec then reads.

    Raises:
        Unreadable: `too_many_bytes`, `too_many_frames`, `frame_missing`, `too_many_pixels`, `truncated`, `undecodable`.
    """
    with hostile_data_refused(), PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        png = _frame_as_png(data, frame)
    if len(png) > max_bytes:
        raise Unreadable("too_many_bytes", f"{len(png):,} bytes as PNG, at most {max_bytes:,}")
    return png


def _frame_as_png(data: bytes, frame: int) -> bytes:
    with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
        if frame >= _MAX_FRAMES:
            raise Unreadable("too_many_frames", f"frame {frame}, at most {_MAX_FRAMES:,} are read")
        try:
            image.seek(frame)
        except EOFError:
            raise Unreadable("frame_missing", f"the TIFF has no frame {frame}") from None
        if image.width * image.height > MAX_PIXELS:
            raise Unreadable("too_many_pixels", f"{image.width} x {image.height}, at most {MAX_PIXELS:,} in all")
        picture = (
            image.convert("RGBA" if image.mode in ("LA", "PA", "RGBA") else "RGB") if _is_odd(image.mode) else image
        )
        buffer = io.BytesIO()
        # Fast: this PNG is read once, by the image codec.
        picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _is_odd(mode: str) -> bool:
    """Whether PNG has no such pixels."""
    return mode not in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
