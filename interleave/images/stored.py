"""Images as datasets hold them: JPEGs that were normalised here, read by loaders, by `validate` and by people."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import simplejpeg

from interleave.errors import Unreadable
from interleave.images.headers import format_of, metadata_name, read_header, segments
from interleave.images.pillow import MAX_STORED_PIXELS, check_size, decode_with_pillow, hostile_data_refused

_PREVIEW_QUALITY = 75


def stored_size(jpeg: bytes) -> tuple[int, int]:
    """(height, width) of a stored JPEG, from its header. Raises Unreadable as `normalise`."""
    with hostile_data_refused():
        if format_of(jpeg) != "jpeg":
            raise Unreadable("unsupported_format", "a stored image is not a JPEG")
        try:
            height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
        except ValueError:
            source = read_header(jpeg)
            height, width = source.height, source.width
        check_size(int(width), int(height), MAX_STORED_PIXELS, 65_500)
        return int(height), int(width)


def decode_rgb(jpeg: bytes, out: npt.NDArray[np.uint8] | None = None) -> npt.NDArray[np.uint8]:
    """Decode a stored JPEG: (height, width, 3) uint8, grey ones too. Raises Unreadable as `normalise`.

    out: (height, width, 3) uint8, contiguous, to decode into; of the size that `stored_size` gives.
    """
    pixels = np.empty((*stored_size(jpeg), 3), dtype=np.uint8) if out is None else out
    with hostile_data_refused():
        try:
            simplejpeg.decode_jpeg(jpeg, "RGB", buffer=pixels)
        except ValueError:
            pixels[:] = np.asarray(decode_with_pillow(jpeg, "jpeg", MAX_STORED_PIXELS, 65_500).convert("RGB"))
    return pixels


def preview(jpeg: bytes, max_side: int) -> bytes:
    """A stored JPEG with a longer side of at most about `max_side` px, for people to look at: decoded in eighths of its
    size. Raises Unreadable as `normalise`."""
    height, width = stored_size(jpeg)
    if (longest := max(height, width)) <= max_side:
        return jpeg
    eighths = max(1, 8 * max_side // longest)
    smallest = {"min_height": height * eighths // 8, "min_width": width * eighths // 8}
    with hostile_data_refused():
        try:
            pixels = simplejpeg.decode_jpeg(jpeg, "RGB", **smallest)
        except ValueError:
            pixels = decode_rgb(jpeg)
        return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), _PREVIEW_QUALITY, "RGB", "420"))


def read_through(jpeg: bytes) -> tuple[int, int]:
    """(height, width) of a stored JPEG whose coefficients were all read, to find damage, and no pixel made of them.

    Takes 0.6 of the time of `decode_rgb`, and refuses the same files. Raises Unreadable as `normalise`.
    """
    height, width = stored_size(jpeg)
    with hostile_data_refused():
        try:
            simplejpeg.decode_jpeg(jpeg, "GRAY", min_width=1, min_height=1, min_factor=8)
        except ValueError:
            decode_rgb(jpeg)
    return height, width


def jpeg_metadata(jpeg: bytes) -> list[str]:
    """Name what a JPEG holds beyond its picture, in file order: exif, icc, xmp, comment, trailing_bytes and others.

    Colour signalling stays unnamed: a JFIF header without thumbnail, a plain Adobe APP14. Raises Unreadable.
    """
    with hostile_data_refused():
        if format_of(jpeg) != "jpeg":
            raise Unreadable("unsupported_format", "not a JPEG")
        # Entropy-coded data (0) is large, and has no name.
        names = [metadata_name(marker, jpeg[start:end]) for marker, start, end in segments(jpeg) if marker]
    return [name for name in dict.fromkeys(names) if name]
