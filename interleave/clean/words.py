"""Words, in scripts with spaces between them and in those without.

"一只猫 sat, हिन्दी"  ->  一 只 猫 sat हिन्दी

A character of a script that puts no spaces between words is a word of its own. Marks that are written with a letter
(accents of their own, vowel signs of Hindi or Thai) belong to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

# Thai and Lao, Burmese, Khmer, kana, Han.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Combining marks of scripts in use, which Python's \w leaves out.
_MARKS = "".join(mark for mark in map(chr, range(0x300, 0x1B00)) if unicodedata.category(mark).startswith("M"))
_RUN = rf"[^\W{UNSPACED}]+(?:[{_MARKS}]+[^\W{UNSPACED}]*)*"
_WORD = re.compile(rf"[{UNSPACED}][{_MARKS}]*|{_RUN}(?:['’]{_RUN})*")
# The same where there is nothing but ASCII, in half the time.
_ASCII_WORD = re.compile(r"\w+(?:'\w+)*", re.ASCII)
_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")


def words(text: str) -> list[str]:
    """Words of a text in any script."""
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)


def fold(text: str) -> str:
    """A text in lower case, with straight apostrophes: as lists of words are written."""
    return text.lower().replace("’", "'")


def num_unspaced(found: Sequence[str]) -> int:
    """How many words are single characters of a script without spaces."""
    candidates = Counter(word for word in found if word >= "\u0e00")
    return sum(times for word, times in candidates.items() if is_unspaced(word))


def is_unspaced(word: str) -> bool:
    """Whether a word is a character of a script without spaces."""
    return word >= "\u0e00" and _UNSPACED_CHARACTER.match(word) is not None
