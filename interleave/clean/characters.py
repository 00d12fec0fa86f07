"""What each character of a text is: one letter for its class, so that classes are counted at the speed of `str.count`.

"A 3# 猫，"  ->  "A 0* h."
"""

from __future__ import annotations

import re
import unicodedata

from interleave.clean.words import is_unspaced

UPPER, LETTER, DIGIT, SPACE = "A", "a", "0", " "
HAN, KANA, THAI, OTHER_UNSPACED = "h", "k", "t", "o"
# Marks that end or divide sentences; other punctuation; what is neither: emoji, mathematics, currency, controls.
CLAUSE, PUNCTUATION, SYMBOL = ".", "-", "*"

UNSPACED_LETTERS = HAN + KANA + THAI + OTHER_UNSPACED
LETTERS = UPPER + LETTER + UNSPACED_LETTERS
# What can be seen and is no letter.
SPECIAL = DIGIT + CLAUSE + PUNCTUATION + SYMBOL

# OBELICS counts , ; : ? ! . as punctuation; these are the same marks of other scripts.
_CLAUSE_MARKS = frozenset(",;:?!.…，；：？！。．、､｡｟،؛؟۔।॥։՝·።፣፤፥፧།၊။។៕‥")
_NOT_ASCII = re.compile("[^\x00-\x7f]+")
_JOINERS = "\u200c\u200d"


class _Classes(dict[int, str]):
    """Looked up by code point, worked out at the first use; no more are kept than a language needs."""

    def __missing__(self, code_point: int) -> str:
        found = _class_of(chr(code_point))
        if len(self) < 1 << 16:
            self[code_point] = found
        return found


_CLASSES = _Classes()


def classes(text: str) -> str:
    """The class of each character, those of ASCII first: they are looked up ten times as fast as the others."""
    if text.isascii():
        return text.translate(_CLASSES)
    plain = text.encode("ascii", "ignore").decode()
    return plain.translate(_CLASSES) + "".join(_NOT_ASCII.findall(text)).translate(_CLASSES)


def _class_of(character: str) -> str:
    category = unicodedata.category(character)
    if character in _CLAUSE_MARKS:
        return CLAUSE
    if category[0] in "LM":
        return _letter(character, category)
    if category[0] == "N":
        return DIGIT
    if category[0] == "Z" or character.isspace():
        return SPACE
    if category[0] == "P":
        return PUNCTUATION
    return LETTER if character in _JOINERS else SYMBOL


def _letter(character: str, category: str) -> str:
    if "\ufe00" <= character <= "\ufe0f":  # how an emoji is drawn
        return SYMBOL
    if not is_unspaced(character):
        return UPPER if category in ("Lu", "Lt") else LETTER
    if "\u0e00" <= character <= "\u0e7f":
        return THAI
    if "\u3040" <= character <= "\u30ff":
        return KANA
    return OTHER_UNSPACED if character < "\u3040" else HAN
