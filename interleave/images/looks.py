"""What a picture looks like, in a few numbers that rules can bound: blurred, bare, or hardly anything but text.

    picture -> at most 32,768 px -> luma -> steps between neighbours -> sharpness, entropy, flat, text

Large pictures are all measured at one size, so that their figures can be bounded alike whatever size is stored.
Sums are of integers, and what is left of floats is rounded: the same on every processor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from interleave.document import Looks

Bools = npt.NDArray[np.bool_]
Luma = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]

# As many as 181 x 181: cheap, and what is sharp there is sharp enough for a vision encoder.
MEASURED_PIXELS = 1 << 15
# Luma levels: JPEG at quality 75 leaves less between neighbours of a plain surface.
_FLAT_STEP = 3
# A letter that can be read stands out from its ground by more.
_STROKE_STEP = 24
# Steps between these two, for each stroke: letters have their smoothed edges (0.1 to 2), photographs 3 to 15.
_MAX_SOFT = 2
# Of each side: where buttons have their frames.
_MARGIN = 16
# Of text. Pages and screens have more: their text is what they are there for.
_MAX_LINES = 6
# Against its height: shorter ones are pictograms, silhouettes, curves.
_MIN_LENGTH = 2
# Share of a row in strokes: more is a rule, as frames, axes and tables have.
_MAX_ROW = 0.9
# In a row: two letters.
_MIN_STROKES = 4
# A letter is about as wide as half the line is tall, and has two strokes with two edges each, or one where it is small.
_STROKES_ALONG = (1.4, 4.2)
# In a column of the line: the E has three.
_MAX_STROKES_DOWN = 3.5


def looks_of(image: Image.Image, num_frames: int) -> Looks:
    """The looks of a picture of mode L, RGB or RGBX."""
    size = measured_size(*image.size)
    # Samples of the picture, not averages: a fifth of the time, and what is sharp stays sharp.
    grey = image.resize(size, Image.Resampling.NEAREST).convert("L")
    luma = np.frombuffer(grey.tobytes(), np.uint8).reshape(grey.height, grey.width)
    steps = _steps(luma)
    num_steps = _histogram(Image.fromarray(steps)) if steps.size else np.eye(1, 256, dtype=np.int64)[0]
    return Looks(
        sharpness=_sharpness(luma, steps),
        entropy=_entropy(_histogram(grey)),
        flat=round(int(num_steps[: _FLAT_STEP + 1].sum()) / int(num_steps.sum()), 4),
        text=_text_share(steps, num_steps),
        num_frames=num_frames,
    )


def measured_size(width: int, height: int) -> tuple[int, int]:
    """The size at which a picture is measured: its own, or one of the same shape with MEASURED_PIXELS."""
    if width * height <= MEASURED_PIXELS:
        return width, height
    return max(1, math.isqrt(MEASURED_PIXELS * width // height)), max(1, math.isqrt(MEASURED_PIXELS * height // width))


def _steps(luma: Luma) -> Luma:
    """(height - 1, width - 1) uint8: from each pixel to its right or lower neighbour, the larger of the two."""
    here, right, below = luma[:-1, :-1], luma[:-1, 1:], luma[1:, :-1]
    across = np.maximum(here, right) - np.minimum(here, right)
    down = np.maximum(here, below) - np.minimum(here, below)
    larger: Luma = np.maximum(across, down, out=across)
    return larger


def _histogram(grey: Image.Image) -> Counts:
    """(256,) int64."""
    return np.array(grey.histogram(), np.int64)


def _sharpness(luma: Luma, steps: Luma) -> float:
    """Mean square of the Laplacian (4 neighbours) for a mean square step of 1; 0 where there are no steps.

    NeMo Curator bounds the variance of the Laplacian itself, by 100: it falls with the square of the contrast, so dark
    paintings and smooth faces are called blurred. A step that is spread over several pixels has a small Laplacian,
    however high it is.
    """
    y = luma.astype(np.int16)
    laplacian = y[1:-1:2, :-2] + y[1:-1:2, 2:]  # every other row is enough
    laplacian += y[:-2:2, 1:-1]
    laplacian += y[2::2, 1:-1]
    laplacian -= 4 * y[1:-1:2, 1:-1]
    # At the same pixels: a frame of one pixel would have steps, but no Laplacian.
    energy = _sum_of_squares(steps[1::2, 1:])
    return round(_sum_of_squares(laplacian) / energy, 3) if energy else 0.0


def _sum_of_squares(values: npt.NDArray[np.integer[Any]]) -> int:
    return int(np.square(values, dtype=np.int32).sum(dtype=np.int64))


def _entropy(histogram: Counts) -> float:
    """Bits of a histogram: 0 for one colour, 8 where each of 256 levels is as frequent."""
    counts = histogram[histogram > 0]
    shares = counts / counts.sum()
    return abs(round(float((shares * np.log2(shares)).sum()), 3))


def _text_share(steps: Luma, num_steps: Counts) -> float:
    """Share of the strokes that lie in lines of text.

    A line is a run of rows with strokes, between rows without. A photograph is one line, as tall as itself and full of
    strokes; a map is too, and a chart between its axes. Where soft steps abound the strokes are no writing either.
    """
    if num_steps[_FLAT_STEP + 1 : _STROKE_STEP + 1].sum() > _MAX_SOFT * num_steps[_STROKE_STEP + 1 :].sum():
        return 0.0
    strokes = steps > _STROKE_STEP
    rows, columns = strokes.shape
    top, left = rows // _MARGIN, columns // _MARGIN
    inside = strokes[top : rows - top, left : columns - left]
    lines = [inside[start:end] for start, end in _runs(np.any(inside, axis=1))]
    if not 0 < len(lines) <= _MAX_LINES:
        return 0.0
    in_text = sum(int(np.count_nonzero(line)) for line in lines if _is_text(line))
    return round(in_text / int(np.count_nonzero(inside)), 4)


def _is_text(line: Bools) -> bool:
    """Whether a line of strokes is longer than tall and has as many strokes, along and down, as letters have."""
    height = len(line)
    columns = np.flatnonzero(line.any(axis=0))
    length = int(columns[-1] - columns[0]) + 1
    if length < _MIN_LENGTH * height or line.sum(axis=1).max() > _MAX_ROW * length:
        return False
    num_along = _num_beginnings(line.T)  # of strokes, in all its rows
    num_down = _num_beginnings(line)
    low, high = _STROKES_ALONG
    # In a row, for each stretch as long as the line is tall: (num_along / height) / (length / height).
    along = max(low * length, _MIN_STROKES * height) <= num_along <= high * length
    return along and num_down <= _MAX_STROKES_DOWN * len(columns)


def _num_beginnings(strokes: Bools) -> int:
    """How often a stroke begins, going down the columns."""
    return int(np.count_nonzero(strokes[0])) + int(np.count_nonzero(strokes[1:] > strokes[:-1]))


def _runs(flags: Bools) -> list[tuple[int, int]]:
    """(start, end) of each run: [(1, 3)] for no, yes, yes, no."""
    borders = np.flatnonzero(np.diff(flags, prepend=False, append=False)).tolist()
    return list(zip(borders[::2], borders[1::2], strict=True))
