"""The only image codec: any web image in, one clean sRGB JPEG out.

    bytes -> header, limits -> a JPEG that fits? cut out its metadata ------------------------------------> JPEG
                            -> else decode -> resize -> sRGB -> on white -> upright -> encode ------------> JPEG

Headers are read (`image_headers`) before a decoder sees a file; Pillow has the last word on JPEGs that simplejpeg
refuses.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, ImageChops, ImageCms, WebPImagePlugin  # noqa: F401  (WebP is not among the plugins that Pillow preloads)

from interleave.document import Looks
from interleave.errors import Unreadable
from interleave.image_headers import (
    MAX_PROFILE_BYTES,
    ImageSource,
    format_of,
    metadata_name,
    read_header,
    segments,
    stripped_segment,
)

_HOSTILE = (  # everything that Pillow, simplejpeg and the readers below raise on mutated files
    ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
    struct.error, zlib.error,
)  # fmt: skip
_MAX_STORED_PIXELS = 1 << 26  # below Pillow's own limit, which warns
_MARGIN = 3  # DCT-scaled decoding stops at this many times the target: at 2 fine patterns fall to 25 dB, at 3 to 31
_UPRIGHT = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270",
            7: "TRANSVERSE", 8: "ROTATE_90"}  # fmt: skip
THUMBNAIL_SIDE = 32  # px
_PREVIEW_QUALITY = 75
PILLOW_LOCK = threading.Lock()  # warnings.catch_warnings is not safe between threads


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTarget:
    """What to accept and what to store; sizes in px. With these limits a worker stays under 512 MB."""

    max_short_side: int | None = None  # larger images are reduced to it; None keeps every size
    quality: int = 90  # of images that must be re-encoded, 4:2:0
    max_bytes: int = 20_000_000
    max_pixels: int = 25_000_000
    max_side: int = 20_000

    def __post_init__(self) -> None:
        if self.max_pixels > _MAX_STORED_PIXELS or self.max_side > 65_500:  # the latter is libjpeg's limit
            raise ValueError(f"at most {_MAX_STORED_PIXELS} pixels and 65500 px a side, got {self}")


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
    from interleave.image_frames import count_frames
    from interleave.image_looks import looks_of
    from interleave.image_resize import luma_thumbnail, reduce

    source = check_header(data, target)
    with hostile_data_refused():
        size = _fit(source.width, source.height, target.max_short_side)
        kept = _strip(source) if size == (source.width, source.height) else b""
        image, clean = _decode(replace(source, data=kept) if kept else source, size, target)
    kept = kept if clean else b""
    image = image if image.size == size else reduce(image, size)
    image = _upright(_on_white_in_srgb(image, source.icc), source.orientation)
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
        _check_size(source.width, source.height, target.max_pixels, target.max_side)
        return source


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
        _check_size(int(width), int(height), _MAX_STORED_PIXELS, 65_500)
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
            pixels[:] = np.asarray(_pillow(jpeg, "jpeg", _MAX_STORED_PIXELS, 65_500).convert("RGB"))
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


@contextlib.contextmanager
def hostile_data_refused() -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:
        raise Unreadable("too_many_pixels", str(error)) from error
    except _HOSTILE as error:
        cut = isinstance(error, (EOFError, IndexError, struct.error)) or "truncated" in str(error).lower()
        detail = re.sub(" at 0x[0-9a-f]+", "", f"{type(error).__name__}: {error}")  # an address differs from run to run
        raise Unreadable("truncated" if cut else "undecodable", detail[:200]) from error


def _check_size(width: int, height: int, max_pixels: int, max_side: int) -> None:
    if min(width, height) < 1:
        raise Unreadable("zero_side", f"{width} x {height}")
    if max(width, height) > max_side:
        raise Unreadable("side_too_long", f"{width} x {height}, at most {max_side} a side")
    if width * height > max_pixels:
        raise Unreadable("too_many_pixels", f"{width} x {height}, at most {max_pixels} in all")


def _fit(width: int, height: int, max_short_side: int | None) -> tuple[int, int]:
    short = min(width, height)
    if max_short_side is None or short <= max_short_side:
        return width, height
    # In integers, to nearest: the same on every machine and for a picture and its transpose.
    return ((2 * width * max_short_side + short) // (2 * short), (2 * height * max_short_side + short) // (2 * short))


def _strip(source: ImageSource) -> bytes:
    """The same JPEG without metadata, bit-exact in its scans; b"" where it must be re-encoded to look the same."""
    mode = "L" if source.num_components == 1 else "RGB"
    if not source.codable or source.orientation != 1 or _transform_to_srgb(source.icc, mode):
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
    image = _pillow(source.data, source.format, target.max_pixels, target.max_side)
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


def _pillow(data: bytes, name: str, max_pixels: int, max_side: int) -> Image.Image:
    """Decode to L, LA, RGB, RGBA or CMYK with Pillow, whose warnings tell nothing that is not checked here."""
    with PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data), formats=[name.upper()])
        _check_size(*image.size, max_pixels, max_side)
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


def _on_white_in_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Colour first, white after: the white is sRGB's own. At the final size, where both cost least."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colour = image.convert(image.mode[:-1]) if alpha else image
    if transform := _transform_to_srgb(icc, colour.mode.removesuffix("X")):
        colour = colour if colour.mode == transform.input_mode else colour.convert(transform.input_mode)
        colour = transform.apply_in_place(colour) if colour.mode == "RGB" else transform.apply(colour)
    elif colour.mode == "CMYK":
        colour = colour.convert("RGB")
    if alpha:
        colour.paste("white", mask=ImageChops.invert(alpha))  # in place: at 25 megapixels a canvas would cost 100 MB
    return colour


@lru_cache(maxsize=32)
def _transform_to_srgb(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
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
    except (ImageCms.PyCMSError, *_HOSTILE):
        return None
    return transform if input_mode == "CMYK" or moved.max() > 2 else None


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _UPRIGHT.get(orientation)
    return image.transpose(Image.Transpose[method]) if method else image


def _encode(image: Image.Image, quality: int) -> bytes:
    mode = "L" if image.mode == "L" else "RGBX"  # four bytes a pixel, as Pillow holds them, are the faster copy
    pixels = np.frombuffer(image.tobytes("raw", mode), np.uint8)  # `np.asarray(image)` copies them once more
    if mode == "L":
        return bytes(simplejpeg.encode_jpeg(pixels.reshape(image.height, image.width, 1), quality, "GRAY", "Gray"))
    return bytes(simplejpeg.encode_jpeg(pixels.reshape(image.height, image.width, -1), quality, mode, "420"))
