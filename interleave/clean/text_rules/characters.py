"""Rules on what kinds of characters a text is made of."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from interleave.clean import characters
from interleave.clean.text_rules.bounds import Level, LongEnough, TextBounds, TextShare
from interleave.clean.text_view import Text

# Shares are of characters of Latin: an English word has 4.7 of them, a Chinese one 1.75.
_LETTERS_PER_CHARACTER = 4.7 / 1.75
_ELLIPSIS = re.compile(r"\.{3,}|…+")


class SpecialCharacters(TextShare, LongEnough):
    """Share of the characters, white space aside, that are no letters: punctuation, digits, symbols. Letters of any
    script are letters. OBELICS: paragraphs at most 0.3, documents 0.275.

    OBELICS counts white space as special, a sixth of English and nothing of Chinese; a recipe with its amounts ("Bake
    at 350°F / 175°C for 20 minutes") is above its bound then. A character of a script without spaces counts as 2.7
    letters, since so many stand in its place in English.
    """

    kind: Literal["special_characters"]
    """Removes tables, code and decoration."""

    of: Level = "paragraph"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return None if self.is_short(text) else _visible_share(text, characters.SPECIAL)


class Punctuation(TextShare, LongEnough):
    """Marks that end or divide sentences (, ; : ? ! . and those of other scripts) among all words and such marks; not
    measured in Thai, which has spaces instead. OBELICS: paragraphs from 12 words on 0.001, documents 0.03."""

    kind: Literal["punctuation"]
    """Removes lists of words, which are no sentences."""

    of: Level = "paragraph"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        if self.is_short(text) or _has_no_marks(text):
            return None
        marks = text.num(characters.CLAUSE)
        return marks / (marks + len(text.words)) if text.words else None


class Digits(TextShare):
    """Share of the characters, white space aside, that are digits. OmniCorpus: paragraphs at most 0.8."""

    kind: Literal["digits"]
    """Removes texts that are mainly numbers."""

    of: Level = "paragraph"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return _visible_share(text, characters.DIGIT)


class Uppercase(TextShare, LongEnough):
    """Share of the characters, white space aside, that are capital letters. OmniCorpus: paragraphs at most 0.8."""

    kind: Literal["uppercase"]
    """Removes texts in capitals."""

    of: Level = "paragraph"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return None if self.is_short(text) else _visible_share(text, characters.UPPER)


class AlphabeticWords(TextShare, LongEnough):
    """Share of the words that hold a letter. Gopher and OmniCorpus: documents at least 0.8."""

    kind: Literal["alphabetic_words"]
    """Removes texts with too many numbers among their words."""

    of: Level = "document"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        if not text.words or self.is_short(text):
            return None
        return 1 - sum(not any(map(str.isalpha, word)) for word in text.words if not word.isalpha()) / len(text.words)


class SymbolsPerWord(TextBounds):
    """How many of a symbol there are for each word; of several symbols the most frequent counts. Gopher: documents at
    most 0.1."""

    kind: Literal["symbols_per_word"]
    """Removes texts full of hash marks or ellipses."""

    of: Level = "document"
    """What is looked at, and removed."""

    symbols: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = ("#", "…")
    """Symbols to count; "…" also stands for three and more full stops, and for the two of a Chinese ellipsis."""

    def measure(self, text: Text) -> float | None:
        if not text.lines:
            return None
        most = max(_num_symbols(text.whole, symbol) for symbol in self.symbols)
        return most / max(len(text.words), 1)


def _visible_share(text: Text, of: str) -> float | None:
    visible = len(text.whole) - text.num(characters.SPACE) + text.num_unspaced * (_LETTERS_PER_CHARACTER - 1)
    return text.num(of) / visible if visible else None


def _num_symbols(text: str, symbol: str) -> int:
    if symbol != "…":
        return text.count(symbol)
    return len(_ELLIPSIS.findall(text)) if "…" in text or "..." in text else 0


def _has_no_marks(text: Text) -> bool:
    return text.is_unspaced and 2 * text.num(characters.THAI + characters.OTHER_UNSPACED) > text.num_unspaced
