"""The image codec: whatever a web server sends becomes a clean sRGB JPEG or a counted refusal."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from interleave.errors import Unreadable
from interleave.images.normalise import ImageTarget, NormalisedImage, normalise
from interleave.images.stored import decode_rgb, jpeg_metadata, read_through

ANY_SIZE = ImageTarget()
SMALL = ImageTarget(max_short_side=32)
RED, GREEN, BLUE = (220, 30, 30), (30, 180, 30), (30, 30, 200)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(width: int = 96, height: int = 64) -> Image.Image:
    """Smooth gradients: compresses well, so that decoded pixels can be compared."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 255 // width, y * 255 // height, 255 - x * 255 // width], -1).astype(np.uint8))


def plain(colour: object, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (48, 40), colour)


def centre(image: NormalisedImage) -> tuple[int, ...]:
    return tuple(int(v) for v in decode_rgb(image.jpeg)[image.height // 2, image.width // 2])


def refusal(data: bytes, target: ImageTarget = ANY_SIZE) -> str:
    with pytest.raises(Unreadable) as caught:
        normalise(data, target)
    return caught.value.reason


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *chunks: bytes, raw: bytes = b"", depth: int = 8, kind: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + b"".join(chunks) + png_chunk(b"IDAT", zlib.compress(raw))
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")


def matrix_profile(red: tuple, green: tuple, blue: tuple, gamma: float, description: str = "made here") -> bytes:
    """A minimal ICC v2 display profile from the primaries' XYZ (relative to D50) and one gamma."""
    fixed = lambda values: b"".join(struct.pack(">i", round(v * 65536)) for v in values)  # noqa: E731
    text = description.encode() + b"\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(80),
        b"wtpt": b"XYZ \0\0\0\0" + fixed((0.9642, 1.0, 0.8249)),
        b"rXYZ": b"XYZ \0\0\0\0" + fixed(red),
        b"gXYZ": b"XYZ \0\0\0\0" + fixed(green),
        b"bXYZ": b"XYZ \0\0\0\0" + fixed(blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, offset = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += name + struct.pack(">II", offset + len(body), len(value))
        body += padded
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"lcms", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head = head.ljust(36, b"\0") + b"acsp"
    return head.ljust(68, b"\0") + fixed((0.9642, 1.0, 0.8249)) + bytes(128 - 80) + table + body


WIDE_GAMUT = matrix_profile((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841), 2.2)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010E] = "GPS and other secrets"
    return tags


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_format_is_told_by_content_and_reported(kind: str) -> None:
    image = normalise(saved(photo(), kind), SMALL)
    assert image.source_format == kind.lower()
    assert (image.source_width, image.source_height, image.width, image.height) == (96, 64, 48, 32)
    assert decode_rgb(image.jpeg).shape == (32, 48, 3)


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "PPM", "ICO"])
def test_formats_that_pillow_would_read_are_refused(kind: str) -> None:
    assert refusal(saved(photo(), kind)) == "unsupported_format"


@pytest.mark.parametrize("data", [b"", b"\xff", b"<svg/>", b"<!doctype html>", b"RIFF\0\0\0\0WAVE", b"%!PS-Adobe"])
def test_other_content_is_refused(data: bytes) -> None:
    assert refusal(data) == "unsupported_format"


def test_each_limit_has_its_own_reason() -> None:
    data = saved(photo(), "JPEG")
    assert refusal(data, ImageTarget(max_bytes=len(data) - 1)) == "too_many_bytes"
    assert refusal(data, ImageTarget(max_pixels=96 * 64 - 1)) == "too_many_pixels"
    assert refusal(data, ImageTarget(max_side=95)) == "side_too_long"
    assert normalise(data, ImageTarget(max_bytes=len(data), max_pixels=96 * 64, max_side=96)).jpeg == data
    assert refusal(png(0, 5)) == "zero_side"


def test_a_target_beyond_what_the_decoders_can_hold_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at most"):
        ImageTarget(max_pixels=10**9)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    data = saved(photo(), kind)
    assert refusal(data[: int(len(data) * share)]) in ("truncated", "undecodable")


def test_a_jpeg_cut_in_its_scan_is_called_truncated() -> None:
    data = saved(photo(), "JPEG")
    assert refusal(data[:-40]) == "truncated"


MODES = {
    "grey": (saved(plain(90, "L"), "PNG"), (90, 90, 90)),
    "grey with alpha": (saved(plain((0, 128), "LA"), "PNG"), (127, 127, 127)),
    "16-bit grey": (saved(Image.fromarray(np.full((40, 48), 200 * 257, np.uint16)), "PNG"), (200, 200, 200)),
    "bilevel": (saved(plain(1, "1"), "PNG"), (255, 255, 255)),
    "palette": (saved(plain(RED).convert("P", palette=Image.Palette.ADAPTIVE), "PNG"), RED),
    "palette, transparent": (saved(plain(0, "P"), "PNG", transparency=0), (255, 255, 255)),
    "grey, transparent": (saved(plain(7, "L"), "PNG", transparency=7), (255, 255, 255)),
    "alpha": (saved(plain((*RED, 0), "RGBA"), "PNG"), (255, 255, 255)),
    "half alpha": (saved(plain((0, 0, 255, 128), "RGBA"), "WEBP", lossless=True), (127, 127, 255)),
    "gif": (saved(plain(GREEN), "GIF"), GREEN),
    "gif, transparent": (saved(plain(0, "P"), "GIF", transparency=0), (255, 255, 255)),
    "grey jpeg": (saved(plain(90, "L"), "JPEG"), (90, 90, 90)),
    "cmyk jpeg": (saved(plain((0, 255, 255, 0), "CMYK"), "JPEG", quality=95), (255, 0, 0)),
    "rgb jpeg": (saved(plain(BLUE), "JPEG", keep_rgb=True, quality=95), BLUE),
}


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("target", [ANY_SIZE, SMALL], ids=["whole", "reduced"])
def test_every_colour_mode_becomes_the_rgb_a_viewer_shows(name: str, target: ImageTarget) -> None:
    data, expected = MODES[name]
    image = normalise(data, target)
    assert np.abs(np.subtract(centre(image), expected)).max() <= 4
    assert simplejpeg.decode_jpeg_header(image.jpeg)[2] in ("YCbCr", "Gray")


def test_what_is_transparent_in_16_bit_grey_lies_on_white() -> None:
    def half(transparent: int) -> tuple[int, int]:
        """A picture of two greys, one of which may be transparent: what is seen left and right."""
        row = b"\0" + struct.pack(">H", 0x1234) * 20 + struct.pack(">H", 0x4000) * 20
        clear = png_chunk(b"tRNS", struct.pack(">H", transparent))
        pixels = decode_rgb(normalise(png(40, 32, clear, raw=row * 32, depth=16, kind=0), ANY_SIZE).jpeg)
        return int(pixels[16, 5, 0]), int(pixels[16, 35, 0])

    assert half(0x1234) == pytest.approx((255, 0x40), abs=2)
    assert half(0x4000) == pytest.approx((0x12, 255), abs=2)
    assert half(0x1235) == pytest.approx((0x12, 0x40), abs=2), "its neighbour, of the same eight bits"


def test_grey_stays_one_component_and_exactly_neutral() -> None:
    image = normalise(saved(photo().convert("L"), "PNG"), SMALL)
    assert simplejpeg.decode_jpeg_header(image.jpeg)[2] == "Gray"
    assert np.ptp(decode_rgb(image.jpeg), axis=2).max() == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_wide_gamut_profile_is_converted_to_srgb(kind: str) -> None:
    image = normalise(saved(plain((200, 100, 50)), kind, icc_profile=WIDE_GAMUT), ANY_SIZE)
    transform = ImageCms.buildTransform(
        io.BytesIO(WIDE_GAMUT), ImageCms.createProfile("sRGB"), "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    expected = transform.apply(plain((200, 100, 50))).getpixel((5, 5))
    assert np.abs(np.subtract(expected, (200, 100, 50))).max() > 8
    assert np.abs(np.subtract(centre(image), expected)).max() <= 5
    assert not image.passed_through


def test_white_under_transparency_does_not_go_through_the_profile() -> None:
    image = normalise(saved(plain((200, 100, 50, 0), "RGBA"), "PNG", icc_profile=WIDE_GAMUT), ANY_SIZE)
    assert centre(image) == (255, 255, 255)


def test_an_srgb_profile_costs_no_quality() -> None:
    data = saved(photo(), "JPEG")
    image = normalise(saved(photo(), "JPEG", icc_profile=SRGB), ANY_SIZE)
    assert image.passed_through
    assert np.array_equal(decode_rgb(image.jpeg), decode_rgb(data))


@pytest.mark.parametrize("profile", [b"nonsense", bytes(500), WIDE_GAMUT[:200], SRGB[:90] + bytes(400)])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    image = normalise(saved(plain(RED), "JPEG", icc_profile=profile, quality=95), ANY_SIZE)
    assert np.abs(np.subtract(centre(image), RED)).max() <= 3


def test_a_profile_of_another_colour_space_is_ignored() -> None:
    image = normalise(saved(plain((0, 255, 255, 0), "CMYK"), "JPEG", icc_profile=WIDE_GAMUT, quality=95), ANY_SIZE)
    assert np.abs(np.subtract(centre(image), (255, 0, 0))).max() <= 4


def corners() -> Image.Image:
    """Upright: red top left, green top right, blue bottom left, white elsewhere."""
    image = Image.new("RGB", (96, 64), "white")
    draw = ImageDraw.Draw(image)
    for box, colour in (((0, 0, 31, 31), RED), ((64, 0, 95, 31), GREEN), ((0, 32, 31, 63), BLUE)):
        draw.rectangle(box, colour)
    return image


CAMERA = {  # what the sensor saw, so that the tag turns it upright: the inverse of each
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", CAMERA)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("target", [ANY_SIZE, SMALL], ids=["whole", "reduced"])
def test_exif_orientation_is_applied(orientation: int, kind: str, target: ImageTarget) -> None:
    turn = CAMERA[orientation]
    stored = corners().transpose(turn) if turn is not None else corners()
    image = normalise(saved(stored, kind, exif=exif(orientation)), target)
    pixels = decode_rgb(image.jpeg).astype(int)
    assert (image.source_width, image.source_height) == (96, 64)
    assert pixels.shape == (image.height, image.width, 3)
    assert image.width > image.height
    seen = [pixels[4, 4], pixels[4, -5], pixels[-5, 4], pixels[-5, -5]]
    assert np.abs(np.subtract(seen, [RED, GREEN, BLUE, (255, 255, 255)])).max() <= 25
    assert jpeg_metadata(image.jpeg) == []


@pytest.mark.parametrize("broken", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + bytes(9)])
def test_broken_exif_means_upright(broken: bytes) -> None:
    assert normalise(saved(photo(), "JPEG", exif=b"Exif\0\0" + broken), ANY_SIZE).width == 96


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    return jpeg[:20] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[20:]


JPEG = saved(photo(), "JPEG", quality=90)
LOADED = {
    "exif": saved(photo(), "JPEG", quality=90, exif=exif(1)),
    "icc": saved(photo(), "JPEG", quality=90, icc_profile=SRGB),
    "xmp": with_segment(JPEG, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
    "comment": with_segment(JPEG, 0xFE, b"who took it"),
    "photoshop": with_segment(JPEG, 0xED, b"Photoshop 3.0\0"),
    "app11": with_segment(JPEG, 0xEB, b"JP"),
    "jfif_thumbnail": JPEG[:4] + b"\0\x13" + JPEG[6:18] + b"\x01\x01\x07\x07\x07" + JPEG[20:],
    "app14": with_segment(JPEG, 0xEE, b"Adobe\0\x64\0\0\0\0\x01and more"),
    "trailing_bytes": JPEG + b"PK\3\4 a second file",
    "stray_bytes": JPEG[:20] + b"in between" + JPEG[20:],
}


@pytest.mark.parametrize("name", LOADED)
def test_metadata_is_named_and_gone_from_the_output(name: str) -> None:
    data = LOADED[name]
    assert jpeg_metadata(data) == [name]
    for target in (ANY_SIZE, SMALL):
        image = normalise(data, target)
        assert jpeg_metadata(image.jpeg) == []
        assert b"secret" not in image.jpeg


@pytest.mark.parametrize("name", sorted(LOADED.keys() - {"stray_bytes"}))
def test_cutting_metadata_out_leaves_every_pixel_as_it_was(name: str) -> None:
    image = normalise(LOADED[name], ANY_SIZE)
    assert image.passed_through
    assert np.array_equal(decode_rgb(image.jpeg), decode_rgb(JPEG))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_clean_jpeg_that_fits_is_stored_byte_for_byte(options: dict, mode: str) -> None:
    data = saved(photo().convert(mode), "JPEG", **options)
    image = normalise(data, ImageTarget(max_short_side=64))
    assert image.jpeg == data
    assert image.passed_through


def test_a_jpeg_with_damage_the_decoder_mends_is_re_encoded() -> None:
    scan = JPEG.rindex(b"\xff\xda") + 12
    data = JPEG[: scan + 30] + b"\xff\xd3" + JPEG[scan + 30 :]  # a restart marker where none belongs
    try:
        assert not normalise(data, ANY_SIZE).passed_through
    except Unreadable as error:
        assert error.reason in ("undecodable", "truncated")


def test_images_are_reduced_to_the_nearest_pixel_and_never_enlarged() -> None:
    sizes = {(100, 50): (64, 32), (33, 101): (32, 98), (32, 900): (32, 900), (5, 7): (5, 7), (1, 300): (1, 300)}
    for (width, height), expected in sizes.items():
        image = normalise(saved(Image.new("RGB", (width, height)), "PNG"), SMALL)
        assert (image.width, image.height) == expected


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_scaled_decoding_agrees_with_an_exact_resize(mode: str) -> None:
    picture = photo(900, 700).convert(mode)
    data = saved(picture, "JPEG", quality=95)
    image = normalise(data, ImageTarget(max_short_side=56, quality=100))
    exact = Image.fromarray(decode_rgb(data)).resize((72, 56), Image.Resampling.BICUBIC)
    error = np.subtract(decode_rgb(image.jpeg), np.asarray(exact), dtype=np.float32)
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 36


def test_the_thumbnail_hardly_moves_with_size_and_compression() -> None:
    large = normalise(saved(photo(480, 320), "PNG"), ImageTarget(max_short_side=300))
    small = normalise(saved(photo(480, 320), "JPEG", quality=40), ImageTarget(max_short_side=64))
    assert large.thumbnail.shape == (32, 32)
    assert large.thumbnail.dtype == np.uint8
    assert np.abs(large.thumbnail.astype(int) - small.thumbnail).max() <= 6


@pytest.mark.parametrize("name", MODES)
def test_the_same_bytes_give_the_same_jpeg(name: str) -> None:
    first, second = (normalise(MODES[name][0], SMALL) for _ in range(2))
    assert first.jpeg == second.jpeg
    assert np.array_equal(first.thumbnail, second.thumbnail)


def test_what_was_normalised_once_is_passed_through_the_next_time() -> None:
    once = normalise(saved(photo(), "PNG"), SMALL).jpeg
    assert normalise(once, SMALL).jpeg == once


def test_only_the_first_frame_of_an_animation_counts() -> None:
    frames = [plain(BLUE)] * 3
    for kind, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        data = saved(plain(RED), kind, save_all=True, append_images=frames, **options)
        assert np.abs(np.subtract(centre(normalise(data, ANY_SIZE)), RED)).max() <= 3, kind


ZEROS = zlib.compress(bytes(60_000_000))
GIF = saved(plain(RED), "GIF")
GIF_BLOCKS = GIF.index(b"\x2c")
RGB_ROWS = (b"\0" + bytes([200, 30, 30]) * 8) * 8
READABLE_BOMBS = {
    "png text": png(8, 8, *[png_chunk(b"zTXt", b"a\0\0" + ZEROS)] * 20, raw=RGB_ROWS),
    "png profile": png(8, 8, png_chunk(b"iCCP", b"a\0\0" + ZEROS), raw=RGB_ROWS),
    "png pixels after the last row": png(8, 8, raw=RGB_ROWS + bytes(60_000_000)),
    "gif comments": GIF[:GIF_BLOCKS] + b"\x21\xfe\x01a\x00" * 19_000 + GIF[GIF_BLOCKS:],
    "gif frames": GIF[:-1] + GIF[GIF_BLOCKS:-1] * 50_000 + b";",
}
PROGRESSIVE = saved(photo(), "JPEG", progressive=True)
LAST_SCAN = PROGRESSIVE.rindex(b"\xff\xda")
REFUSED_BOMBS = {
    "png size": (png(60_000, 60_000), "side_too_long"),
    "png area": (png(19_000, 19_000), "too_many_pixels"),
    "png second header": (png(8, 8, png_chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0))), None),
    "png chunks": (png(8, 8, png_chunk(b"tEXt", b"a\0b") * 100_000), "undecodable"),
    "gif screen": (b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + GIF[GIF_BLOCKS:], "side_too_long"),
    "gif frame": (GIF[:GIF_BLOCKS] + b"\x2c\0\0\0\0\xff\xff\xff\xff" + GIF[GIF_BLOCKS + 9 :], "side_too_long"),
    "gif comments": (GIF[:GIF_BLOCKS] + b"\x21\xfe\x01a\x00" * 400_000, "undecodable"),
    "jpeg size": (JPEG.replace(struct.pack(">HH", 64, 96), struct.pack(">HH", 65_000, 65_000)), "side_too_long"),
    "jpeg segments": (JPEG[:20] + b"\xff\xfe\0\2" * 1_000_000 + JPEG[20:], "undecodable"),
    "jpeg scans": (PROGRESSIVE[:LAST_SCAN] + PROGRESSIVE[LAST_SCAN:-2] * 2_000, "undecodable"),
    "jpeg stray markers": (JPEG[:20] + b"\xff\0" * 1_000_000 + JPEG[20:], "undecodable"),
    "jpeg padding": (JPEG[:20] + b"\xff" * 15_000_000, "truncated"),
    "webp canvas": (b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", "side_too_long"),
}


@pytest.mark.parametrize("name", READABLE_BOMBS)
def test_a_bomb_around_a_small_picture_costs_nothing(name: str) -> None:
    data, start = READABLE_BOMBS[name], time.process_time()
    tracemalloc.start()
    image = normalise(data, ANY_SIZE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert centre(image)[0] > 150
    assert peak < 4 * len(data) + 30_000_000
    assert time.process_time() - start < 5


@pytest.mark.parametrize("name", REFUSED_BOMBS)
def test_a_bomb_is_refused_before_it_is_decoded(name: str) -> None:
    data, reason = REFUSED_BOMBS[name]
    start = time.process_time()
    found = refusal(data)
    assert reason in (None, found)
    assert time.process_time() - start < 5


def test_a_reader_gets_rgb_from_every_stored_jpeg_or_a_refusal() -> None:
    assert decode_rgb(saved(plain(90, "L"), "JPEG")).shape == (40, 48, 3)
    assert decode_rgb(saved(plain((0, 0, 0, 0), "CMYK"), "JPEG"))[9, 9].min() > 250
    for data in (b"", b"hello", JPEG[:300], saved(photo(), "PNG")):
        with pytest.raises(Unreadable):
            decode_rgb(data)


SEEDS = [data for data, _ in MODES.values()] + list(LOADED.values()) + [PROGRESSIVE]


@settings(max_examples=300, deadline=None)
@given(
    data=st.sampled_from(SEEDS),
    flips=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 255)), max_size=5),
    cut=st.integers(0, 3000),
)
def test_mutated_images_are_normalised_or_refused(data: bytes, flips: list[tuple[int, int]], cut: int) -> None:
    mutated = bytearray(data)
    for at, value in flips:
        mutated[at % len(mutated)] = value
    try:
        image = normalise(bytes(mutated[: len(mutated) - max(0, cut - 2000)]), SMALL)
    except Unreadable as error:
        assert error.reason in {
            "unsupported_format", "zero_side", "side_too_long", "too_many_pixels", "truncated", "undecodable",
        }  # fmt: skip
    else:
        assert jpeg_metadata(image.jpeg) == []
        assert decode_rgb(image.jpeg).shape == (image.height, image.width, 3)


@settings(max_examples=300, deadline=None)
@given(
    data=st.sampled_from(
        [JPEG, PROGRESSIVE, saved(plain(90, "L"), "JPEG"), saved(plain((0, 9, 0, 0), "CMYK"), "JPEG")]
    ),
    flips=st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 3000),
)
def test_reading_through_refuses_what_decoding_refuses(data: bytes, flips: list[tuple[int, int]], cut: int) -> None:
    mutated = bytearray(data)
    for at, value in flips:
        mutated[at % len(mutated)] = value
    jpeg = bytes(mutated[: len(mutated) - max(0, cut - 2000)])
    try:
        shape = decode_rgb(jpeg).shape
    except Unreadable:
        with pytest.raises(Unreadable):
            read_through(jpeg)
    else:
        assert read_through(jpeg) == shape[:2]
