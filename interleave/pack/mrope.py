"""Positions in three dimensions (temporal, height, width), as Qwen2-VL, Qwen2.5-VL and Qwen3-VL rotate by them (mRoPE).

Text counts on by one, in all three alike. An image stands still in time and spreads its rows and columns; what follows
goes on behind the longer of its sides. For text, a start mark, an image of 2 rows and 3 columns, an end mark, text:

    ids       t  s  p  p  p  p  p  p  e  t
    temporal  0  1  2  2  2  2  2  2  5  6
    height    0  1  2  2  2  3  3  3  5  6
    width     0  1  2  3  4  2  3  4  5  6
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from interleave.document import Int32s


def mrope_positions(is_placeholder: npt.NDArray[np.bool_], grids: Int32s) -> Int32s:
    """(3, num_tokens) positions of one segment: those of `get_rope_index` in transformers 5.

    is_placeholder: (num_tokens,) True where the model puts what it sees; the marks around an image are text.
    grids: (num_images, 2) rows and columns of placeholders of each image, that is of patches after merging.

    Raises:
        ValueError: the placeholders are not one unbroken run of rows x columns for each image.
    """
    seen = np.flatnonzero(is_placeholder)
    rows, columns = grids[:, 0].astype(np.int64), grids[:, 1].astype(np.int64)
    sizes = rows * columns
    ends = np.cumsum(sizes)
    if (grids < 1).any() or len(seen) != sizes.sum() or (seen[ends - 1] - seen[ends - sizes] >= sizes).any():
        raise ValueError(f"{len(seen)} placeholders do not form grids of {grids.tolist()} rows and columns")
    steps = np.where(is_placeholder, 0, 1)
    steps[seen[ends - 1]] = np.maximum(rows, columns)
    positions = np.tile((np.cumsum(steps) - steps).astype(np.int32), (3, 1))
    # inside: (num_placeholders,) number of each within its image
    inside = np.arange(len(seen)) - np.repeat(ends - sizes, sizes)
    row_length = np.repeat(columns, sizes)
    positions[1, seen] += (inside // row_length).astype(np.int32)
    positions[2, seen] += (inside % row_length).astype(np.int32)
    return positions
