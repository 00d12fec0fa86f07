"""What is asked of Pillow, and what hostile files may make of it: one word for a reason, whatever it raised."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, WebPImagePlugin  # noqa: F401  (WebP is not among the plugins that Pillow preloads)

from interleave.errors import Unreadable

HOSTILE = (  # everything that Pillow, simplejpeg and the readers below raise on mutated files
    ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
    struct.error, zlib.error,
)  # fmt: skip
MAX_STORED_PIXELS = 1 << 26  # below Pillow's own limit, which warns
PILLOW_LOCK = threading.Lock()  # warnings.catch_warnings is not safe between threads


@contextlib.contextmanager
def hostile_data_refused() -> Iterator[None]:
    """Whatever a file makes its readers raise becomes Unreadable: truncated, undecodable, too_many_pixels."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise Unreadable("too_many_pixels", str(error)) from error
    except HOSTILE as error:
        cut = isinstance(error, (EOFError, IndexError, struct.error)) or "truncated" in str(error).lower()
        detail = re.sub(" at 0x[0-9a-f]+", "", f"{type(error).__name__}: {error}")  # an address differs from run to run
        raise Unreadable("truncated" if cut else "undecodable", detail[:200]) from error


def check_size(width: int, height: int, max_pixels: int, max_side: int) -> None:
    """Raises Unreadable: zero_side, side_too_long, too_many_pixels."""
    if min(width, height) < 1:
        raise Unreadable("zero_side", f"{width} x {height}")
    if max(width, height) > max_side:
        raise Unreadable("side_too_long", f"{width} x {height}, at most {max_side} a side")
    if width * height > max_pixels:
        raise Unreadable("too_many_pixels", f"{width} x {height}, at most {max_pixels} in all")


def decode_with_pillow(data: bytes, name: str, max_pixels: int, max_side: int) -> Image.Image:
    """A picture in L, LA, RGB, RGBA or CMYK. Pillow's warnings tell nothing that is not checked here.

    name: of its format, which is the only one that is tried.
    """
    with PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data), formats=[name.upper()])
        check_size(*image.size, max_pixels, max_side)
        image.load()
        if image.fp:  # WebP's holds the pixels once more
            image.fp.close()
        if image.mode.startswith("I"):  # 16-bit grey; Pillow's convert would clip it
            return _eight_bits(image)
        if "transparency" in image.info:
            return image.convert("RGBA")
        plain = {"1": "L", "P": "RGB", "PA": "RGBA"}.get(image.mode)
        return image.convert(plain) if plain else image


def _eight_bits(image: Image.Image) -> Image.Image:
    grey = np.asarray(image).clip(0, 65_535)
    reduced = Image.fromarray((grey >> 8).astype(np.uint8))
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return reduced
    return Image.merge("LA", (reduced, Image.fromarray(np.where(grey == clear, 0, 255).astype(np.uint8))))
