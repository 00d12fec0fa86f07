"""Making pictures smaller."""

import numpy as np
import pytest
from cykooz_resizer import CpuExtensions
from PIL import Image

from interleave.images import resize
from interleave.images.resize import luma_thumbnail, reduce

MODES = {"L": 1, "RGB": 3, "RGBX": 4, "RGBA": 4, "LA": 2, "CMYK": 4}


def picture(mode, width=97, height=61):
    """Noise on slopes, opaque where the mode has alpha."""
    rng = np.random.default_rng(7)
    slope = np.linspace(0, 200, width)[None, :, None] + rng.integers(0, 55, (height, width, MODES[mode]))
    if mode in ("RGBA", "LA"):
        slope[..., -1] = 255
    return Image.frombytes(mode, (width, height), slope.astype(np.uint8).tobytes())


def colours(image):
    return np.asarray(image.convert("RGB"), dtype=np.int32)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(31, 20), (96, 60), (1, 1), (97, 1)])
def test_a_picture_is_reduced_as_by_pillows_bicubic_filter_within_rounding(mode, size):
    expected = picture(mode).resize(size, Image.Resampling.BICUBIC)
    reduced = reduce(picture(mode), size)
    assert reduced.size == size
    assert np.abs(colours(reduced) - colours(expected)).max() <= 12
    assert np.abs(colours(reduced) - colours(expected)).mean() < 0.6


@pytest.mark.parametrize(("mode", "becomes"), [("RGBX", "RGB"), ("LA", "RGBA"), ("L", "L"), ("CMYK", "CMYK")])
def test_the_mode_stays_or_becomes_one_with_the_same_channels(mode, becomes):
    assert reduce(picture(mode), (10, 10)).mode == becomes


def test_what_is_transparent_does_not_bleed_into_what_is_not():
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, :33] = (255, 0, 0, 255)
    pixels[:, 33:] = (0, 255, 0, 0)
    reduced = np.asarray(reduce(Image.fromarray(pixels), (16, 16)))
    seen = reduced[reduced[..., 3] > 0]
    assert seen[:, 1].max() == 0
    assert seen[:, 0].min() > 250


def test_one_colour_stays_that_colour():
    reduced = np.asarray(reduce(Image.new("RGB", (301, 207), (255, 128, 1)), (100, 69)))
    assert (reduced == (255, 128, 1)).all()


@pytest.mark.parametrize("mode", MODES)
def test_every_processor_gives_the_same_bytes(mode):
    reduced = set()
    for extensions in CpuExtensions:
        reduce(picture(mode), (9, 9))
        resizer = resize._of_thread.resizer
        usual = resizer.cpu_extensions
        try:
            resizer.cpu_extensions = extensions
            reduced.add(reduce(picture(mode), (33, 21)).tobytes())
        finally:
            resizer.cpu_extensions = usual
    assert len(reduced) == 1


def test_a_thumbnail_holds_the_mean_luma_of_its_cells():
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[:, ::2] = 255
    pixels[32:] = (255, 0, 0)
    thumbnail = luma_thumbnail(Image.fromarray(pixels), 32)
    assert thumbnail.shape == (32, 32)
    assert set(thumbnail[:16].flat) <= {127, 128}
    assert set(thumbnail[16:].flat) == {76}
