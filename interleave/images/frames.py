"""Files of several pictures: one out of a TIFF, as MINT-1T keeps the images of a PDF, and how many an animation has."""

from __future__ import annotations

import io
import struct
import warnings

from PIL import Image

from interleave.errors import Unreadable
from interleave.images.headers import chunks
from interleave.images.pillow import PILLOW_LOCK, hostile_data_refused

# Memory: the file, the frame at 4 bytes a px, and its PNG.
MAX_TIFF_BYTES = 200_000_000
MAX_PIXELS = 25_000_000
_MAX_FRAMES = 1_000  # each costs the way to it
_MAX_BLOCKS = 100_000  # of a GIF: 25 MB where they are full


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


def count_frames(data: bytes, source_format: str) -> int:
    """How many frames a readable image has, by its headers, none of them decoded; what follows a fault is not counted.

    A GIF is walked from block to block, a WebP's chunks are counted; an animated PNG says it.
    """
    if source_format == "gif":
        return max(1, _count_gif_frames(data))
    if source_format == "webp":
        return max(1, sum(name == b"ANMF" for name, _, _ in chunks(data, "<4sI", 12)))
    if source_format == "png":
        for name, start, end in chunks(data, ">I4s", 8):
            if name == b"acTL" and end - start >= 16:
                return max(1, int(struct.unpack_from(">I", data, start + 8)[0]))
            if name == b"IDAT":
                break
    return 1


def _count_gif_frames(data: bytes) -> int:
    num_frames = num_blocks = 0
    pos = 13 + _palette_bytes(data[10])
    while pos + 11 < len(data) and data[pos] in (0x21, 0x2C) and num_blocks < _MAX_BLOCKS:
        if data[pos] == 0x2C:
            num_frames += 1
            pos += 11 + _palette_bytes(data[pos + 9])
        else:
            pos += 2
        # Blocks of up to 255 bytes, each behind its length; one of none is the last.
        while pos < len(data) and (length := data[pos]) and num_blocks < _MAX_BLOCKS:
            pos, num_blocks = pos + 1 + length, num_blocks + 1
        pos, num_blocks = pos + 1, num_blocks + 1
    return num_frames


def _palette_bytes(flags: int) -> int:
    return 6 << (flags & 7) if flags & 0x80 else 0
