"""A number that stands for what a picture shows, so that copies are found without pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def _dct_rows(num_rows: int, size: int) -> npt.NDArray[np.float64]:
    """(num_rows, size): the lowest rows of the type-II DCT matrix, constant row included."""
    frequency = np.arange(num_rows)[:, None]
    position = np.arange(size)[None, :]
    return np.cos(np.pi * frequency * (2 * position + 1) / (2 * size))


_DCT = _dct_rows(8, 32)


def perceptual_hash(thumbnail: npt.NDArray[np.uint8]) -> int:
    """64-bit hash of a (32, 32) luma thumbnail: signs of its 8 x 8 lowest DCT coefficients against their median.

    The construction of pHash (Zauner, 2010), as MMC4 uses it.
    """
    coefficients = _DCT @ thumbnail.astype(np.float64) @ _DCT.T  # (8, 8)
    # Rounded, so that the last bit of a float sum does not decide on another machine.
    coefficients = np.round(coefficients, 3)
    bits = coefficients > np.median(coefficients)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
