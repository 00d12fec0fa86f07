import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from records import at_most

from interleave.clean.words import UNSPACED
from interleave.dedup.word_hashes import hash_words


def words_of(sentence: str) -> list[str]:
    """The words by the definition, letter by letter."""
    found, current = [], ""
    for letter in unicodedata.normalize("NFKC", sentence).casefold() + " ":
        is_letter = letter.isalnum() or unicodedata.category(letter)[0] == "M"
        stands_alone = is_letter and re.match(f"[{UNSPACED}]", letter)
        if is_letter and not stands_alone:
            current += letter
            continue
        found += [current] if current else []
        found += [letter] if stands_alone else []
        current = ""
    return found


KNOWN = [[10943157772500783653], [16253512960704236625], [8187845334808218021]]


def hashes_of(*sentences: str) -> list[list[int]]:
    found = hash_words(pa.array(sentences, type=pa.string()))
    return [part.tolist() for part in np.split(found.hashes, found.offsets[1:-1])] if sentences else []


letters = st.sampled_from([*"aB9 .'_\0", "’", "“", "–", "é", "\u0301", "ﬁ", "ß", "İ", "Ω", "一", "ไ", "😀", "\u00a0"])
sentences = st.lists(st.one_of(st.text(letters, max_size=30), st.text(max_size=12)), max_size=6)


@given(sentences)
@example(["long " * 3 + "x" * 64, "x" * 65, "x" * 300, "y" * 8, "y" * 9, "y" * 16 + "z"])
@example(["end", "begin", "", " end"])
def test_each_sentence_has_its_words_and_equal_words_have_equal_hashes_and_others_none(sentences: list[str]) -> None:
    found = hashes_of(*sentences)
    expected = [words_of(sentence) for sentence in sentences]
    assert [len(hashes) for hashes in found] == [len(words) for words in expected]
    pairs = {
        (word, value)
        for words, hashes in zip(expected, found, strict=True)
        for word, value in zip(words, hashes, strict=True)
    }
    assert len(pairs) == len({word for word, _ in pairs}) == len({value for _, value in pairs})


@given(sentences, st.integers(0, 6))
def test_a_hash_depends_on_nothing_but_the_word(sentences: list[str], first: int) -> None:
    whole = pa.array(sentences, type=pa.string())
    assert [hashes_of(sentence)[0] for sentence in sentences] == hashes_of(*sentences)
    part = hash_words(whole.slice(first))
    assert part.hashes.tolist() == [value for hashes in hashes_of(*sentences)[first:] for value in hashes]


@pytest.mark.parametrize(
    "same",
    [
        "Hello, World!",
        "hello world",
        "HELLO   world...",
        "“Hello” – world",
        "ｈｅｌｌｏ world",
        "hello_world",
        "Hello’world",
    ],
)
def test_case_punctuation_spaces_and_widths_change_nothing(same: str) -> None:
    assert hashes_of(same) == hashes_of("hello world")


def test_sixty_four_bits_of_a_known_word_stay_what_they_are() -> None:
    """Fingerprints of sealed datasets are compared with later ones: another hash is another version."""
    assert hashes_of("Hello", "internationalisation", "café") == KNOWN


def test_a_word_of_a_million_letters_takes_no_time_that_counts() -> None:
    with at_most(2):
        assert len(hashes_of("x" * 1_000_000 + " y")[0]) == 2
        assert len(hashes_of("é" * 1_000_000 + " y")[0]) == 2
