"""One picture out of a TIFF of several: how MINT-1T keeps the images of a PDF."""

from __future__ import annotations

import io
import warnings

from interleave.acquire.archives.tars import read_range
from interleave.errors import Unreadable

# Memory: the file, the frame at 4 bytes a px, and its PNG.
MAX_TIFF_BYTES = 200_000_000
MAX_PIXELS = 25_000_000
_MAX_FRAMES = 10_000


def read_tiff_frame(path: str, offset: int, size: int, frame: int, max_bytes: int) -> bytes:
    """Frame `frame`, from 0, of the TIFF at [offset, offset + size) of a file, as a PNG.

    Raises:
        Unreadable: `too_many_bytes`, `frame_missing`, `too_many_pixels`, `undecodable`.
    """
    if size > MAX_TIFF_BYTES:
        raise Unreadable("too_many_bytes", f"a TIFF of {size:,} bytes, at most {MAX_TIFF_BYTES:,}")
    data = read_range(path, offset, size)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            png = _frame_as_png(data, frame)
    except Unreadable:
        raise
    except Exception as error:  # noqa: BLE001 - a decoder fed with anything raises anything
        raise Unreadable("undecodable", f"frame {frame} of a TIFF: {type(error).__name__}: {error}"[:200]) from None
    if len(png) > max_bytes:
        raise Unreadable("too_many_bytes", f"{len(png):,} bytes as PNG, at most {max_bytes:,}")
    return png


def _frame_as_png(data: bytes, frame: int) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
        try:
            if frame >= _MAX_FRAMES:
                raise EOFError
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
