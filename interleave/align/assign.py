"""To which sentence each image belongs, by similarity.

similarities    linear, one image a sentence    argmax
  .9  .8  .1      x -> 1                          x -> 0
  .9  .2  .1      y -> 0                          y -> 0      .8 + .9 is the most that two sentences can have
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from interleave.document import Image

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Assignment = Literal["given", "linear", "argmax"]


def reassign(images: Sequence[Image], sentences: Sequence[int], how: Assignment) -> tuple[Image, ...]:
    """The images, each with the sentence that it is assigned to.

    sentences: indices of those that are left, ascending. An image whose similarities are unknown, or alike for all of
    them, stays where it was.
    """
    if how == "given" or not sentences:
        return tuple(images)
    left = np.asarray(sentences)
    rows = {
        position: image.similarities[left]
        for position, image in enumerate(images)
        if image.similarities is not None and np.ptp(image.similarities[left]) > 0
    }
    if not rows:
        return tuple(images)
    placed = list(images)
    for position, column in zip(rows, assign(np.stack(list(rows.values())), how), strict=True):
        placed[position] = replace(images[position], matched_sentence=int(left[column]))
    return tuple(placed)


def assign(similarities: Floats, how: Literal["linear", "argmax"]) -> Ints:
    """(num_images,) column of each image's sentence.

    similarities: (num_images, num_sentences), at least one of each. `linear` solves the linear assignment problem, as
    MMC4 does (arXiv 2304.06939, section 3.2); of more images than sentences those that are left over go to the best.
    """
    best: Ints = similarities.argmax(axis=1)
    if how == "argmax":
        return best
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(similarities, maximize=True)
    best[rows] = columns
    return best


def similarity_of(image: Image) -> float | None:
    """To the sentence that the image is assigned to, or None where it is unknown."""
    if image.similarities is None or not 0 <= image.matched_sentence < len(image.similarities):
        return None
    return float(image.similarities[image.matched_sentence])
