"""Rules on lengths."""

from __future__ import annotations

import re
from typing import Literal

from interleave.clean.text_rules.bounds import Level, TextBounds, TextCount
from interleave.clean.text_view import Text
from interleave.clean.words import UNSPACED, is_unspaced

_BETWEEN_SPACES = re.compile(rf"[^\s{UNSPACED}]+")


class NumWords(TextCount):
    """Words; in scripts without spaces between words (Chinese, Japanese, Thai ...) each character counts as one.
    OBELICS: paragraphs 4 to 1,000, documents 10 to 2,000. Gopher: documents 50 to 100,000. C4: lines from 5 on."""

    kind: Literal["num_words"]
    """Removes what has too few or too many words."""

    of: Level = "document"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return len(text.words)


class NumCharacters(TextCount):
    """Characters, white space included."""

    kind: Literal["num_characters"]
    """Removes what is too short or too long."""

    of: Level = "document"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return len(text.whole)


class MeanWordLength(TextBounds):
    """Characters of a word on average; not measured where most words are characters of a script without spaces.
    Gopher and OmniCorpus: documents 3 to 10."""

    kind: Literal["mean_word_length"]
    """Removes texts whose words are too short or too long to be words."""

    of: Level = "document"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        if text.is_unspaced or not text.words:
            return None
        spaced = _spaced(text)
        return len("".join(spaced)) / len(spaced) if spaced else None


class LongestWord(TextCount):
    """Characters of the longest word. C4: lines without a word of more than 1,000."""

    kind: Literal["longest_word"]
    """Removes texts with what is no word: encoded data, long URLs."""

    of: Level = "paragraph"
    """What is looked at, and removed."""

    def measure(self, text: Text) -> float | None:
        return max(map(len, _BETWEEN_SPACES.findall(text.whole)), default=None)


def _spaced(text: Text) -> list[str]:
    return text.words if not text.num_unspaced else [word for word in text.words if not is_unspaced(word)]
