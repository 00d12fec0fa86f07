"""Numbers counted in stretches with round borders, for people to look at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Values beyond this share of all share the last stretch: one long sample must not flatten all others.
_SHOWN = 0.995


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Whole numbers from `low` to `high`, both included, and how many there are."""

    low: int
    high: int
    count: int


def histogram(values: npt.NDArray[np.integer], most: int = 24) -> tuple[Stretch, ...]:
    """At most about `most` equal stretches, of 1, 2 or 5 times a power of ten; the last one has all that is larger.

    For [1 2 2 3 40] and at most 4:  0-9: 4, 10-19: 0, 20-29: 0, 30-39: 0, 40-40: 1.
    """
    if not len(values):
        return ()
    low, high = int(values.min()), int(np.quantile(values, _SHOWN, method="higher"))
    step = _round_step((high - low + 1) / most)
    first = low // step * step
    edges = np.arange(first, high + 1, step)
    # Of whole numbers the largest lies in the last stretch, whatever its width.
    counts = np.bincount(np.minimum((values - first) // step, len(edges) - 1).astype(np.int64), minlength=len(edges))
    highs = [*(int(edge) - 1 for edge in edges[1:]), int(values.max())]
    return tuple(
        Stretch(low=int(edge), high=top, count=int(count))
        for edge, top, count in zip(edges, highs, counts, strict=True)
    )


def _round_step(width: float) -> int:
    """The least of 1, 2, 5, 10, 20, 50 ... that is not below a width."""
    power = int(10 ** max(0, math.floor(math.log10(max(width, 1)))))
    return next(step for factor in (1, 2, 5, 10) if (step := factor * power) >= width)
