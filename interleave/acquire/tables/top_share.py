"""The best share of a file's rows by a figure of theirs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class TopShare:
    """Which rows are kept: those above a figure, and of those that have it the first ones."""

    threshold: float
    last_tied: int
    # Number of the last row that is kept of those at the threshold.

    def keeps(self, number: int, value: float) -> bool:
        return value > self.threshold or (value == self.threshold and number <= self.last_tied)


def top_share(rows: Iterable[tuple[int, float]], share: float) -> TopShare:
    """The best ceil(share * num_rows) rows; of equal ones those with the smallest numbers.

    rows: (number, figure) in ascending order of number; figures are no NaN.

        top_share([(0, 0.3), (1, 0.5), (2, 0.3), (3, 0.1)], 0.5)  ->  rows 1 and 0: threshold 0.3, last_tied 0
    """
    numbers, figures = array("q"), array("d")
    for number, figure in rows:
        numbers.append(number)
        figures.append(figure)
    # As a decimal: 0.1 * 30 is a little more than 3 in binary, and its ceiling 4.
    num_kept = int((Decimal(repr(share)) * len(figures)).to_integral_value(ROUND_CEILING))
    if not num_kept:
        return TopShare(threshold=float("inf"), last_tied=-1)
    values = np.frombuffer(figures, dtype=np.float64)
    # (num_rows,)
    threshold = float(np.partition(values, len(values) - num_kept)[len(values) - num_kept])
    num_tied = num_kept - int((values > threshold).sum())
    return TopShare(threshold=threshold, last_tied=numbers[int(np.flatnonzero(values == threshold)[num_tied - 1])])
