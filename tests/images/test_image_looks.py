"""What a picture looks like, in numbers that mean the same for every size, format and way of storing it."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from records import at_most

from interleave.document import Looks
from interleave.errors import Unreadable
from interleave.images.frames import count_frames
from interleave.images.looks import MEASURED_PIXELS, looks_of, measured_size
from interleave.images.normalise import ImageTarget, normalise
from interleave.images.packed import pack, unpack

WHOLE = ImageTarget()


def scene(width: int = 480, height: int = 320, noise: float = 3) -> Image.Image:
    """Shapes of many sizes over a soft ground: sharp edges, plain surfaces, noise; no writing."""
    rng = np.random.default_rng(1)
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(image)
    for _ in range(150):
        x, y, side = rng.integers(0, width), rng.integers(0, height), rng.integers(3, 60)
        box = (int(x), int(y), int(x + side), int(y + side * rng.random() + 2))
        draw.ellipse(box, fill=tuple(int(v) for v in rng.integers(0, 256, 3)))
    pixels = np.asarray(image).astype(int) + rng.normal(0, noise, (height, width, 1))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def written(lines: list[str], size: tuple[int, int], height: int, ground: str = "white", ink: str = "black") -> Looks:
    """The looks of lines of text of a height in px."""
    image = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((12, 8 + number * height * 1.3), line, fill=ink, font=ImageFont.load_default(height))
    return looks_of(image, 1)


def test_a_plain_picture_is_flat_without_edges_or_levels() -> None:
    assert looks_of(Image.new("RGB", (300, 200), (20, 90, 200)), 1) == Looks(
        sharpness=0.0, entropy=0.0, flat=1.0, text=0.0, num_frames=1
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 2), (3, 3), (2, 9), (20_000, 3), (3, 20_000)])
def test_the_smallest_and_longest_pictures_have_looks(size: tuple[int, int]) -> None:
    looks = looks_of(Image.effect_noise(size, 60), 1)
    assert 0 <= looks.flat <= 1
    assert 0 <= looks.entropy <= 8
    assert (looks.flat == 1.0) or min(size) > 1, "a line of pixels shows nothing"


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_looks_stay_within_their_bounds_and_say_the_same_twice(pixels: np.ndarray) -> None:
    looks = looks_of(Image.fromarray(pixels), 1)
    assert looks == looks_of(Image.fromarray(pixels).convert("RGB"), 1)
    assert 0 <= looks.flat <= 1
    assert 0 <= looks.text <= 1
    assert 0 <= looks.entropy <= 8
    assert 0 <= looks.sharpness < 100


def test_entropy_is_the_bits_of_the_levels() -> None:
    two = Image.fromarray(np.repeat(np.array([[0, 200]], np.uint8), 64, axis=0))
    four = Image.fromarray(np.tile(np.array([[0, 60, 120, 180]], np.uint8), (64, 1)))
    assert (looks_of(two, 1).entropy, looks_of(four, 1).entropy) == (1.0, 2.0)


def test_flat_is_the_share_of_pixels_without_a_step_to_the_right_or_below() -> None:
    pixels = np.full((101, 101), 100, np.uint8)
    pixels[:, 51:] = 104  # one of 100 columns has a step on its right
    assert looks_of(Image.fromarray(pixels), 1).flat == 0.99
    pixels[:, 51:] = 103
    assert looks_of(Image.fromarray(pixels), 1).flat == 1.0


def test_a_step_of_one_pixel_has_a_sharpness_of_two_whatever_its_height() -> None:
    for height in (1, 10, 200):
        pixels = np.zeros((60, 60), np.uint8)
        pixels[:, 30:] = height
        assert looks_of(Image.fromarray(pixels), 1).sharpness == 2.0


def test_sharpness_falls_with_blur_and_not_with_contrast_or_brightness() -> None:
    sharp = looks_of(scene(), 1).sharpness
    blurred = [looks_of(scene().filter(ImageFilter.GaussianBlur(radius)), 1).sharpness for radius in (2, 4, 8)]
    assert sharp > blurred[0] > blurred[1]
    assert sharp > 2 > 0.8 > max(blurred[1:])
    dark = scene().point([value // 4 for value in range(256)] * 3)
    assert looks_of(dark, 1).sharpness == pytest.approx(sharp, rel=0.15)


def test_sharpness_means_the_same_for_a_picture_and_its_reductions() -> None:
    large = scene(1920, 1280)
    figures = [looks_of(large.resize(size, Image.Resampling.LANCZOS), 1).sharpness for size in ((960, 640), (480, 320))]
    assert figures == pytest.approx([looks_of(large, 1).sharpness] * 2, rel=0.25)


def test_a_frame_of_one_pixel_makes_nothing_blurred() -> None:
    image = scene(200, 150)  # small enough to be measured as it is
    ImageDraw.Draw(image).rectangle((0, 0, 199, 149), outline="white")
    assert looks_of(image, 1).sharpness >= looks_of(scene(200, 150), 1).sharpness


@pytest.mark.parametrize(("ground", "ink"), [("white", "black"), ("#204080", "white"), ("#ffe0e0", "#a02020")])
def test_lines_of_large_text_are_nothing_but_text(ground: str, ink: str) -> None:
    assert written(["Subscribe to our newsletter"], (728, 90), 44, ground, ink).text > 0.9
    assert written(["Free shipping on", "all orders over", "fifty dollars"], (500, 200), 44, ground, ink).text > 0.9


def test_text_on_a_gradient_is_text() -> None:
    ground = Image.linear_gradient("L").resize((600, 120)).point([150 + value // 3 for value in range(256)])
    ImageDraw.Draw(ground).text((20, 30), "Contact us today", fill=0, font=ImageFont.load_default(48))
    assert looks_of(ground, 1).text > 0.9


def test_a_page_of_text_and_a_photograph_are_no_banners() -> None:
    page = [f"{number} The quick brown fox jumps over the lazy dog and runs away" for number in range(30)]
    assert written(page, (900, 1200), 26).text == 0.0
    assert looks_of(scene(), 1).text == 0.0


def test_a_button_is_text_in_spite_of_its_frame() -> None:
    button = Image.new("RGB", (240, 64), "#3060c0")
    draw = ImageDraw.Draw(button)
    draw.rounded_rectangle((1, 1, 238, 62), radius=8, outline="white", width=2)
    draw.text((30, 14), "Add to cart", fill="white", font=ImageFont.load_default(30))
    assert looks_of(button, 1).text > 0.7


def test_bars_between_axes_are_no_banner() -> None:
    chart = Image.new("RGB", (1000, 200), "white")
    draw = ImageDraw.Draw(chart)
    draw.rectangle((125, 33, 875, 166), outline="black", width=2)
    for bar in range(10):
        draw.rectangle((135 + bar * 73, 43 + (bar * 7919) % 100, 172 + bar * 73, 166), fill="#2060a0")
    assert looks_of(chart, 1).text == 0.0


def test_a_curve_without_axes_is_no_banner() -> None:
    curve = Image.new("RGB", (600, 400), "white")
    points = [(60 + 60 * number, 60 + (number * 7919) % 280) for number in range(9)]
    ImageDraw.Draw(curve).line(points, fill="#2060a0", width=6)
    assert looks_of(curve, 1).text == 0.0


def test_a_fine_pattern_is_no_banner() -> None:
    tiles = Image.new("RGB", (400, 160), "white")
    draw = ImageDraw.Draw(tiles)
    for row in range(5):
        for column in range(6):
            left, top = 50 + 50 * column, 26 + 21 * row + column % 2 * 10
            draw.rectangle((left, top, left + 42, top + 10), fill="black")
    assert looks_of(tiles, 1).text == 0.0


def test_writing_over_a_soft_picture_is_no_banner() -> None:
    image = scene(noise=6).filter(ImageFilter.GaussianBlur(3))
    image = Image.blend(image, Image.new("RGB", image.size, "gray"), 0.5)
    ImageDraw.Draw(image).text((40, 130), "A caption", fill="white", font=ImageFont.load_default(80))
    assert looks_of(image, 1).text == 0.0


def test_a_picture_with_a_caption_is_no_banner() -> None:
    poster = Image.new("RGB", (400, 560), "white")
    poster.paste(scene(360, 380), (20, 20))
    ImageDraw.Draw(poster).text((40, 450), "The Wizard", fill="black", font=ImageFont.load_default(56))
    assert looks_of(poster, 1).text < 0.5


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_picture_is_measured_at_its_shape_and_no_larger_than_it_is(width: int, height: int) -> None:
    columns, rows = measured_size(width, height)
    assert 1 <= columns <= width
    assert 1 <= rows <= height
    if width * height <= MEASURED_PIXELS:
        assert (columns, rows) == (width, height)
    else:
        assert columns * rows <= MEASURED_PIXELS or 1 in (columns, rows)


def test_looks_are_those_of_the_upright_picture_in_any_format() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    banner = Image.new("RGB", (600, 90), "white")
    ImageDraw.Draw(banner).text((20, 16), "Chapter one: the beginning", fill="black", font=ImageFont.load_default(44))
    upright = normalise(saved(banner), WHOLE).looks
    turned = normalise(saved(banner.transpose(Image.Transpose.ROTATE_90), exif=exif), WHOLE).looks
    assert upright == turned == normalise(saved(banner, "WEBP", lossless=True), WHOLE).looks
    assert upright.text > 0.9


def test_looks_hardly_depend_on_the_stored_size_and_quality() -> None:
    data = saved(scene(1200, 800, noise=1), "JPEG", quality=92)
    whole = normalise(data, WHOLE).looks
    for side in (640, 336):
        reduced = normalise(data, ImageTarget(max_short_side=side)).looks
        assert reduced.sharpness == pytest.approx(whole.sharpness, rel=0.15)
        assert reduced.entropy == pytest.approx(whole.entropy, abs=0.1)
        assert reduced.flat == pytest.approx(whole.flat, abs=0.05)
    assert normalise(data, ImageTarget(quality=50)).looks == whole


def test_a_kept_image_keeps_its_looks() -> None:
    image = normalise(saved(scene()), ImageTarget(max_short_side=100))
    assert unpack(pack(image)).looks == image.looks
    animated = replace(image, looks=replace(image.looks, num_frames=2**32 - 1))
    assert unpack(pack(animated)).looks.num_frames == 2**32 - 1


@pytest.mark.parametrize("looks", [b"", b',"looks":null', b',"looks":{}', b',"looks":{"sharpness":1,"extra":2}'])
def test_a_kept_image_without_whole_looks_is_damaged(looks: bytes) -> None:
    head = b'{"width":1,"height":1,"source_width":1,"source_height":1,"source_format":"png","passed_through":false'
    head += looks + b"}"
    with pytest.raises(Unreadable, match="damaged_in_store"):
        unpack(struct.pack("<I", len(head)) + head + bytes(1024) + b"jpeg")


def frames(number: int) -> list[Image.Image]:
    return [Image.new("RGB", (40, 30), (index * 40 % 256, 90, index)) for index in range(number)]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_frames_are_counted_in_every_format_that_moves(kind: str, number: int) -> None:
    first, *others = frames(number)
    data = saved(first, kind, save_all=True, append_images=others, duration=50)
    assert normalise(data, WHOLE).looks.num_frames == number


def test_an_image_that_cannot_move_has_one_frame() -> None:
    assert normalise(saved(scene(), "JPEG"), WHOLE).looks.num_frames == 1
    assert normalise(saved(scene()), WHOLE).looks.num_frames == 1


def test_frames_behind_a_fault_are_not_counted() -> None:
    first, *others = frames(5)
    data = saved(first, "GIF", save_all=True, append_images=others)
    for length in range(20, len(data)):
        assert 1 <= count_frames(data[:length], "gif") <= 5
    assert count_frames(data + data, "gif") == 5


def test_an_animated_png_that_claims_no_frames_has_one() -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    plain = saved(frames(1)[0])
    for claimed in (b"", b"\0\0", bytes(8), b"\0\0\0"):
        assert count_frames(plain[:33] + chunk(b"acTL", claimed) + plain[33:], "png") == 1


def test_a_gif_of_endless_blocks_is_given_up() -> None:
    data = b"GIF89a" + struct.pack("<HHB", 1, 1, 0) + b"\0\0"
    hostile = data + (b"\x2c" + bytes(9) + b"\2" + b"\1\0" * 4_000_000)
    with at_most(1.0):
        assert count_frames(hostile, "gif") >= 1
        assert count_frames(data + b"\x21\xfe" + b"\1x" * 8_000_000, "gif") == 1
