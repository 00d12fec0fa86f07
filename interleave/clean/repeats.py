"""Which n-grams of a text's words occur more than once, and what they cover.

    a b c a b c d      2-grams that occur again: ab (0, 3), bc (1, 4); 3-grams: abc (0, 3); no 4-grams

An (n+1)-gram occurs again only where the n-gram in it does, so each n looks at what the one before left over. Nothing
is hashed: an n-gram is known by its (n-1)-gram's number and its last word's, so no two are ever taken for one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
_NONE = np.zeros(0, dtype=np.int64)
# Up to here Python's own sets are faster than numpy, and most sentences and paragraphs end here.
_SHORT = 256


class Again(NamedTuple):
    """The n-grams that occur more than once, in the order of the text."""

    places: Int64s
    # Index of each one's first word.
    grams: Int64s
    # Which n-gram it is: a number below the number of words.


class Repeats:
    """The n-grams of a text, each n worked out when it is asked for."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._found: list[Again] = []

    def num_grams(self, n: int) -> int:
        return max(len(self._words) - n + 1, 0)

    def again(self, n: int) -> Again:
        """The n-grams that occur more than once."""
        if not self._found and self._is_plain(n):
            return Again(_NONE, _NONE)
        while len(self._found) < n:
            self._found.append(self._next())
        return self._found[n - 1]

    def share(self, n: int, starts: Int64s) -> float:
        """Share of the words' characters that stand in the n-grams which start there, each counted once."""
        covers = np.zeros(len(self._words) + 1, dtype=np.int64)
        covers[starts] += 1
        covers[starts + n] -= 1
        lengths = np.diff(self._ends)
        return float(lengths[np.cumsum(covers[:-1]) > 0].sum() / lengths.sum())

    def num_characters(self, n: int, starts: Int64s) -> Int64s:
        """Characters of the words of the n-grams that start there."""
        return self._ends[starts + n] - self._ends[starts]

    @cached_property
    def _ends(self) -> Int64s:
        """Characters of the words before each one, and of all."""
        lengths = np.fromiter(map(len, self._words), dtype=np.int64, count=len(self._words))
        return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths)))

    def _is_plain(self, n: int) -> bool:
        """Whether a short text has no n-gram twice."""
        if self.num_grams(n) > _SHORT:
            return False
        grams = list(zip(*(self._words[start:] for start in range(n)), strict=False))
        return len(set(grams)) == len(grams)

    def _next(self) -> Again:
        if not self._found:
            numbers = {word: number for number, word in enumerate(dict.fromkeys(self._words))}
            self._ids = np.fromiter(map(numbers.__getitem__, self._words), dtype=np.int64, count=len(self._words))
            places = np.flatnonzero(np.bincount(self._ids)[self._ids] > 1)
            return Again(places, self._ids[places])
        n = len(self._found) + 1
        shorter = self._found[-1]
        # The (n-1)-gram behind must occur again, too: it begins at the next place.
        follows = np.flatnonzero(shorter.places[1:] == shorter.places[:-1] + 1)
        places = shorter.places[follows]
        last = self._ids[places + n - 1]
        return _twice(places, shorter.grams[follows] * len(self._ids) + last)


def _twice(places: Int64s, grams: Int64s) -> Again:
    """Those of the n-grams that occur more than once, numbered anew."""
    if not len(places):
        return Again(_NONE, _NONE)
    _, numbers, counts = np.unique(grams, return_inverse=True, return_counts=True)
    is_twice = counts[numbers] > 1
    return Again(places[is_twice], numbers[is_twice])
