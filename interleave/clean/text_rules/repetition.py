"""Rules on what a text repeats within itself.

Figures are for n-grams of words. Where no spaces stand between words, a word is counted as 1.75 characters, so that 5
words are 9 characters (a Chinese word has 1.72 on average in People's Daily, 1.75 in recipes).
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from interleave.clean.text_rules.bounds import Level, LongEnough, TextShare
from interleave.clean.text_view import CHARACTERS_PER_WORD, Text

# Odd, and no small number of bits: windows of a few characters do not collide by chance.
_BASE = np.uint64(0x9E3779B97F4A7C15)
# Up to here Python's own sets are faster, and most paragraphs end here.
_SHORT = 512
Length = Annotated[int, Field(ge=1, le=100)]


class CharacterRepetition(TextShare, LongEnough):
    """Share of a text's n-grams of characters that were there before, of its most frequent ones: as many as the square
    root of their number. OBELICS: at most 0.1 with n = 10.

    OBELICS counts the first time, too. In a sentence or two a few words that come twice are then enough: of 343
    sentences that fell for it, 18 of 20 that were read repeated nothing worth the name.
    """

    kind: Literal["character_repetition"]
    """Removes texts that say the same over and over."""

    of: Level = "paragraph"
    """What is looked at, and removed."""

    n: Length = 10
    """Characters of an n-gram."""

    def measure(self, text: Text) -> float | None:
        num_grams = len(text.whole) - self.n + 1
        if num_grams < 1 or self.is_short(text):
            return None
        if num_grams <= _SHORT and len({text.whole[start : start + self.n] for start in range(num_grams)}) == num_grams:
            return 0.0
        counts = _counts(text.whole, self.n)
        num_top = min(isqrt(len(counts)), int((counts > 1).sum()))
        return float((np.sort(counts)[len(counts) - num_top :] - 1).sum() / num_grams)


class WordRepetition(TextShare):
    """Share of a text's n-grams of words that were there before. OBELICS, which counts the first time, too: paragraphs
    at most 0.1, documents 0.2, with n = 5."""

    kind: Literal["word_repetition"]
    """Removes texts that say the same over and over."""

    of: Level = "paragraph"
    """What is looked at, and removed."""

    n: Length = 5
    """Words of an n-gram."""

    def measure(self, text: Text) -> float | None:
        n = _length(self.n, text)
        num_grams = text.repeats.num_grams(n)
        if not num_grams:
            return None
        again = text.repeats.again(n)
        return (len(again.places) - len(np.unique(again.grams))) / num_grams


class TopNGram(TextShare):
    """Share of the words' characters that the most frequent n-gram of words covers; 0 where none occurs twice. Gopher:
    documents at most 0.2, 0.18 and 0.16 with n = 2, 3 and 4."""

    kind: Literal["top_n_gram"]
    """Removes texts in which one phrase comes again and again."""

    of: Level = "document"
    """What is looked at, and removed."""

    n: Length = 2
    """Words of an n-gram."""

    def measure(self, text: Text) -> float | None:
        return _covered(self.n, text, _most_frequent)


class DuplicateNGrams(TextShare):
    """Share of the words' characters that stand in n-grams which were there before, each character counted once.
    Gopher: documents at most 0.15, 0.14, 0.13, 0.12, 0.11 and 0.10 with n = 5 to 10."""

    kind: Literal["duplicate_n_grams"]
    """Removes texts that repeat longer passages."""

    of: Level = "document"
    """What is looked at, and removed."""

    n: Length = 5
    """Words of an n-gram."""

    def measure(self, text: Text) -> float | None:
        return _covered(self.n, text, _all_but_first)


def _covered(n: int, text: Text, chosen: Callable[[int, Text], npt.NDArray[np.int64]]) -> float | None:
    """Share of the words' characters that the chosen ones of the n-grams cover which come again; None: no n-gram."""
    n = _length(n, text)
    if not text.repeats.num_grams(n):
        return None
    return text.repeats.share(n, chosen(n, text)) if len(text.repeats.again(n).places) else 0.0


def _most_frequent(n: int, text: Text) -> npt.NDArray[np.int64]:
    """(num_chosen,) where it starts. Of several, the longest; of those, the first."""
    places, grams = text.repeats.again(n)
    counts = np.bincount(grams)
    tops = counts[grams] == counts.max()
    top = grams[tops][np.argmax(text.repeats.num_characters(n, places[tops]))]
    most_frequent: npt.NDArray[np.int64] = places[grams == top]
    return most_frequent


def _all_but_first(n: int, text: Text) -> npt.NDArray[np.int64]:
    """(num_chosen,) where each starts that was there before."""
    places, grams = text.repeats.again(n)
    return np.delete(places, np.unique(grams, return_index=True)[1])


def _length(n: int, text: Text) -> int:
    return round(n * CHARACTERS_PER_WORD) if text.is_unspaced else n


def _counts(text: str, n: int) -> npt.NDArray[np.int64]:
    """How often each n-gram of characters occurs, by a polynomial hash of it."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    num_grams = len(points) - n + 1
    hashes = np.zeros(num_grams, dtype=np.uint64)
    for start in range(n):
        hashes *= _BASE
        hashes += points[start : start + num_grams]
    hashes.sort()
    borders = np.flatnonzero(hashes[1:] != hashes[:-1]) + 1
    return np.diff(np.concatenate(([0], borders, [num_grams])))
