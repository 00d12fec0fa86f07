"""A text as rules look at it: its lines, words and characters, each worked out once and only when a rule asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from interleave.clean import characters
from interleave.clean.languages import Language, detect
from interleave.clean.repeats import Repeats
from interleave.clean.words import fold, num_unspaced, words

_DIGIT = re.compile(r"[\d_]")
# Of Chinese: 1.72 in People's Daily, January 1998, as segmented by Peking University; 1.75 by jieba, in recipes.
CHARACTERS_PER_WORD = 1.75
# Whose word list is used on a text without spaces, by its script.
_SCRIPTS = {characters.THAI: "th", characters.KANA: "ja", characters.HAN: "zh"}
# A short text is often taken for another language: with less than this, whichever it is, is not known.
_SURE = 0.8


@dataclass(frozen=True)
class Text:
    """A sentence, a paragraph, a document, or what stands around an image."""

    lines: tuple[str, ...]
    # None of them empty: a sentence is one line, a paragraph has its sentences, a document its paragraphs.
    stated_language: str | None = None
    # As the source states it.
    document: Text | None = None
    # Of which this is a part: its language is known better than that of a sentence.

    @cached_property
    def whole(self) -> str:
        """The lines, with a line break between them."""
        return "\n".join(self.lines)

    @cached_property
    def lowered(self) -> str:
        """The whole in lower case, with straight apostrophes."""
        return fold(self.whole)

    @cached_property
    def classes(self) -> str:
        """The class of each character of the whole, to be counted."""
        return characters.classes(self.whole)

    def num(self, of: str) -> int:
        """Characters of these classes."""
        return sum(map(self.classes.count, of))

    @cached_property
    def words(self) -> list[str]:
        """Words of any script, in lower case; a character of a script without spaces is a word."""
        return words(self.lowered)

    @cached_property
    def terms(self) -> list[str]:
        """The words, without numbers and amounts: 5, 10ml, 1960s."""
        return [word for word in self.words if word.isalpha() or not _DIGIT.search(word)]

    @cached_property
    def num_unspaced(self) -> int:
        """The words that are single characters of a script without spaces."""
        return 0 if self.whole.isascii() else num_unspaced(self.words)

    @property
    def length_in_words(self) -> float:
        """The number of words, as if all scripts had spaces."""
        return len(self.words) - self.num_unspaced * (1 - 1 / CHARACTERS_PER_WORD)

    @property
    def is_unspaced(self) -> bool:
        """Whether at least half of the words are single characters of a script without spaces."""
        return 0 < len(self.words) <= 2 * self.num_unspaced

    @cached_property
    def repeats(self) -> Repeats:
        """Which of the words' n-grams occur again."""
        return Repeats(self.words)

    @cached_property
    def language(self) -> Language | None:
        """The language that the text seems to be in; None where it has no letter."""
        return detect(self.whole)

    @cached_property
    def list_language(self) -> str | None:
        """Whose word lists apply: by the script where that tells, else the language of the document, if it is sure."""
        if self.is_unspaced:
            return self._script()
        if self.document is not None and not self.document.is_unspaced:
            return self.document.list_language
        return self.language.code if self.language and self.language.score >= _SURE else None

    def _script(self) -> str | None:
        """Kana stand in almost every Japanese sentence, and hardly in a Chinese one."""
        counts = {script: self.classes.count(script) for script in characters.UNSPACED_LETTERS}
        counts[characters.KANA] *= 10
        return _SCRIPTS.get(max(counts, key=lambda script: counts[script]))
