"""Faces made unrecognisable in a stored image: what a few pixels can show is left of each, and nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import simplejpeg
from PIL import Image

from interleave.images.stored import decode_rgb

# Left, top, right, bottom, relative to the picture's width and height.
Box = tuple[float, float, float, float]
# Pixels a side that a face keeps: far fewer than recognition needs (Zou and Yuen, 2012: hard below 16 x 16).
_KEPT = 6
# Of a face's size on each side: detectors' boxes are tight.
_MARGIN = 0.1


def blur_boxes(jpeg: bytes, boxes: Sequence[Box], quality: int) -> bytes:
    """The JPEG with these parts of it blurred, encoded again.

    Raises Unreadable as `decode_rgb`.
    """
    image = Image.fromarray(decode_rgb(jpeg))
    for box in boxes:
        _blur(image, box)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB", "420"))


def _blur(image: Image.Image, box: Box) -> None:
    across, down = _MARGIN * (box[2] - box[0]), _MARGIN * (box[3] - box[1])
    left, top = int((box[0] - across) * image.width), int((box[1] - down) * image.height)
    right, bottom = -int(-(box[2] + across) * image.width), -int(-(box[3] + down) * image.height)
    place = max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height)
    if place[0] >= place[2] or place[1] >= place[3]:
        return
    face = image.crop(place)
    small = face.resize((min(_KEPT, face.width), min(_KEPT, face.height)), Image.Resampling.BOX)
    image.paste(small.resize(face.size, Image.Resampling.BILINEAR), place)
