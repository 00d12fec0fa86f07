"""The only image codec: any web image in, one clean sRGB JPEG out.

    bytes -> header, limits -> a JPEG that fits? cut out its metadata ------------------------------------> JPEG
                            -> else decode -> resize -> sRGB -> on white -> upright -> encode ------------> JPEG

Headers are read (`headers`) before a decoder sees a file; Pillow has the last word on JPEGs that simplejpeg refuses.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from interleave.document import Looks
from interleave.errors import Unreadable
from interleave.images.colour import on_white_in_srgb, transform_to_srgb
from interleave.images.frames import count_frames
from interleave.images.headers import ImageSource, metadata_name, read_header, segments, stripped_segment
from interleave.images.looks import looks_of
from interleave.images.pillow import MAX_STORED_PIXELS, check_size, decode_with_pillow, hostile_data_refused

_MARGIN = 3  # DCT-scaled decoding stops at this many times the target: at 2 fine patterns fall to 25 dB, at 3 to 31
_UPRIGHT = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270",
            7: "TRANSVERSE", 8: "ROTATE_90"}  # fmt: skip
THUMBNAIL_SIDE = 32  # px


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTarget:
    """What to accept and what to store; sizes in px. With these limits a worker stays under 512 MB."""

    max_short_side: int | None = None  # larger images are reduced to it; None keeps every size
    quality: int = 90  # of images that must be re-encoded, 4:2:0
    max_bytes: int = 20_000_000
    max_pixels: int = 25_000_000
    max_side: int = 20_000

    def __post_init__(self) -> None:
        if self.max_pixels > MAX_STORED_PIXELS or self.max_side > 65_500:  # the latter is libjpeg's limit
            raise ValueError(f"at most {MAX_STORED_PIXELS} pixels and 65500 px a side, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalisedImage:
    """One image as it is stored; sizes in px, those of the source after EXIF orientation."""

    jpeg: bytes  # sRGB; one component where the source is grey (smaller, exactly neutral), three elsewhere
    width: int
    height: int
    source_width: int
    source_height: int
    source_format: str  # "jpeg" | "png" | "webp" | "gif"
    thumbnail: npt.NDArray[np.uint8]  # (32, 32) luma, area-averaged: hardly moved by size or compression
    looks: Looks
    passed_through: bool  # not re-encoded: the source byte for byte, or with its metadata cut out


def normalise(data: bytes, target: ImageTarget) -> NormalisedImage:
    """Turn an image into an upright sRGB JPEG without metadata, never enlarged.

    Raises Unreadable: too_many_bytes, unsupported_format, zero_side, side_too_long, too_many_pixels, truncated,
    undecodable. A broken or unfitting ICC profile is ignored; alpha is laid on white.
    """
    from interleave.images.resize import luma_thumbnail, reduce  # of the extra `build`

    source = check_header(data, target)
    with hostile_data_refused():
        size = _fit(source.width, source.height, target.max_short_side)
        kept = _strip(source) if size == (source.width, source.height) else b""
        image, clean = _decode(replace(source, data=kept) if kept else source, size, target)
    kept = kept if clean else b""
    image = image if image.size == size else reduce(image, size)
    image = _upright(on_white_in_srgb(image, source.icc), source.orientation)
    turned = source.orientation >= 5
    return NormalisedImage(
        jpeg=kept or _encode(image, target.quality),
        width=image.width,
        height=image.height,
        source_width=source.height if turned else source.width,
        source_height=source.width if turned else source.height,
        source_format=source.format,
        thumbnail=luma_thumbnail(image, THUMBNAIL_SIDE),
        looks=looks_of(image, count_frames(data, source.format)),
        passed_through=bool(kept),
    )


def check_header(data: bytes, target: ImageTarget) -> ImageSource:
    """What an image's header says, before a decoder sees it. Raises Unreadable where the target does not accept it."""
    if len(data) > target.max_bytes:
        raise Unreadable("too_many_bytes", f"{len(data)} bytes, at most {target.max_bytes}")
    with hostile_data_refused():
        source = read_header(data)
        check_size(source.width, source.height, target.max_pixels, target.max_side)
        return source


def _fit(width: int, height: int, max_short_side: int | None) -> tuple[int, int]:
    short = min(width, height)
    if max_short_side is None or short <= max_short_side:
        return width, height
    # In integers, to nearest: the same on every machine and for a picture and its transpose.
    return ((2 * width * max_short_side + short) // (2 * short), (2 * height * max_short_side + short) // (2 * short))


def _strip(source: ImageSource) -> bytes:
    """The same JPEG without metadata, bit-exact in its scans; b"" where it must be re-encoded to look the same."""
    mode = "L" if source.num_components == 1 else "RGB"
    if not source.codable or source.orientation != 1 or transform_to_srgb(source.icc, mode):
        return b""
    data, parts_of_file = source.data, list(segments(source.data))
    kept = data
    if any(metadata_name(marker, data[start:end]) for marker, start, end in parts_of_file):
        parts = [stripped_segment(marker, data[start:end]) for marker, start, end in parts_of_file]
        kept = b"".join([b"\xff\xd8", *parts, b"\xff\xd9"])
    try:
        colour = simplejpeg.decode_jpeg_header(data)[2], simplejpeg.decode_jpeg_header(kept)[2]
    except ValueError:
        return b""
    return kept if colour in (("YCbCr", "YCbCr"), ("Gray", "Gray")) else b""


def _decode(source: ImageSource, size: tuple[int, int], target: ImageTarget) -> tuple[Image.Image, bool]:
    """The picture, at no less than _MARGIN times `size` or whole, and whether it decoded without any complaint."""
    if source.num_components in (1, 3):
        with contextlib.suppress(ValueError):
            return _decode_jpeg(source, size), True
    image = decode_with_pillow(source.data, source.format, target.max_pixels, target.max_side)
    if image.size != (source.width, source.height):
        raise Unreadable("undecodable", f"{image.size} px in a file of {source.width} x {source.height}")
    return image, False


def _decode_jpeg(source: ImageSource, size: tuple[int, int]) -> Image.Image:
    whole = source.height, source.width
    if simplejpeg.decode_jpeg_header(source.data)[:2] != whole:
        raise ValueError("two readers, two sizes")
    # Powers of two alone: they are the fast ones, and the others alias more.
    enough = _MARGIN * size[1], _MARGIN * size[0]
    shrink = max(n for n in (1, 2, 4, 8) if n == 1 or all(-(-a // n) >= b for a, b in zip(whole, enough, strict=True)))
    height, width = (-(-side // shrink) for side in whole)
    # Four bytes a pixel is how Pillow holds RGB: it takes the decoder's buffer as it is.
    mode, colour = ("L", "GRAY") if source.num_components == 1 else ("RGBX", "RGBX")
    pixels = simplejpeg.decode_jpeg(source.data, colour, min_height=height, min_width=width, min_factor=shrink)
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _UPRIGHT.get(orientation)
    return image.transpose(Image.Transpose[method]) if method else image


def _encode(image: Image.Image, quality: int) -> bytes:
    mode = "L" if image.mode == "L" else "RGBX"  # four bytes a pixel, as Pillow holds them, are the faster copy
    pixels = np.frombuffer(image.tobytes("raw", mode), np.uint8)  # `np.asarray(image)` copies them once more
    if mode == "L":
        return bytes(simplejpeg.encode_jpeg(pixels.reshape(image.height, image.width, 1), quality, "GRAY", "Gray"))
    return bytes(simplejpeg.encode_jpeg(pixels.reshape(image.height, image.width, -1), quality, mode, "420"))
