"""The images of a batch, decoded into one buffer.

One buffer costs one allocation, and one handle where a batch goes from a worker process to the trainer's: a tensor an
image would cost a file descriptor each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from interleave.errors import Unreadable
from interleave.images.stored import decode_rgb, stored_size

Layout = Literal["nchw", "nhwc"]


class Pixels(list[torch.Tensor]):
    """Images as views of one buffer: (3, height, width) or (height, width, 3) uint8, sRGB.

    A list, so that image processors take it; it goes between processes, and into pinned memory, as its buffer.
    """

    def __init__(self, buffer: torch.Tensor, places: Sequence[tuple[int, int, int]], layout: Layout) -> None:
        """places: first byte, height and width of each image in the buffer, whose rows of pixels are (r, g, b)."""
        super().__init__(_view(buffer, place, layout) for place in places)
        self._made_of = (buffer, tuple(places), layout)

    def pin_memory(self) -> Pixels:
        buffer, places, layout = self._made_of
        return Pixels(buffer.pin_memory(), places, layout)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Pixels, self._made_of)


def decode_all(jpegs: Sequence[bytes], layout: Layout) -> tuple[Pixels, dict[int, str]]:
    """The images that can be decoded, in order, and of the others their number and what is wrong with them."""
    wrong: dict[int, str] = {}
    places = dict(_places(jpegs, wrong))
    num_bytes = max((first + height * width * 3 for first, height, width in places.values()), default=0)
    # Decoded into as a numpy array: simplejpeg asks for a buffer.
    buffer = np.empty(num_bytes, dtype=np.uint8)
    for number, (first, height, width) in list(places.items()):
        try:
            decode_rgb(jpegs[number], buffer[first : first + height * width * 3].reshape(height, width, 3))
        except Unreadable as error:
            wrong[number] = str(error)
            del places[number]
    return Pixels(torch.from_numpy(buffer), list(places.values()), layout), wrong


def _places(jpegs: Sequence[bytes], wrong: dict[int, str]) -> list[tuple[int, tuple[int, int, int]]]:
    found = []
    first = 0
    for number, jpeg in enumerate(jpegs):
        try:
            height, width = stored_size(jpeg)
        except Unreadable as error:
            wrong[number] = str(error)
            continue
        found.append((number, (first, height, width)))
        first += height * width * 3
    return found


def _view(buffer: torch.Tensor, place: tuple[int, int, int], layout: Layout) -> torch.Tensor:
    first, height, width = place
    image = buffer[first : first + height * width * 3].view(height, width, 3)
    return image.permute(2, 0, 1) if layout == "nchw" else image
