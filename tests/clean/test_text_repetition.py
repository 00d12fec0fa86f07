"""What is repeated within a text: by hand, and against the plain definition."""

from collections import Counter
from math import isqrt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import at_most

from interleave.clean.repeats import Repeats
from interleave.clean.text_rules import CharacterRepetition, DuplicateNGrams, TopNGram, WordRepetition
from interleave.clean.text_view import Text

FEW = st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=40)
MANY = st.lists(st.sampled_from(["a", "bb", "ccc", "d"]), min_size=300, max_size=400)


def measure(kind: type[Any], name: str, text: str, **settings: Any) -> float | None:
    value: float | None = kind(kind=name, max=1, **settings).measure(Text((text,)))
    return value


@settings(deadline=None)
@given(FEW | MANY, st.integers(1, 12))
def test_n_grams_that_occur_again_are_those_of_the_definition(words: list[str], n: int) -> None:
    grams = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
    times = Counter(grams)
    again = Repeats(words).again(n)
    assert again.places.tolist() == [place for place, gram in enumerate(grams) if times[gram] > 1]
    numbers = again.grams.tolist()
    assert len(set(zip(numbers, (grams[place] for place in again.places), strict=True))) == len(set(numbers))


def test_asking_for_a_longer_n_gram_first_changes_nothing() -> None:
    words = ["a", "b", "c", "a", "b", "c", "d"] * 100
    one, other = Repeats(words), Repeats(words)
    one.again(9)
    assert one.again(2).places.tolist() == other.again(2).places.tolist()


def test_what_was_there_before_is_a_share_of_the_n_grams() -> None:
    text = "one two three four five and one two three four five"
    assert measure(WordRepetition, "word_repetition", text, n=5) == pytest.approx(1 / 7)
    assert measure(WordRepetition, "word_repetition", text, n=6) == 0
    assert measure(WordRepetition, "word_repetition", "one two", n=5) is None


def test_case_does_not_hide_a_repetition() -> None:
    assert measure(WordRepetition, "word_repetition", "A b! a B.", n=2) == pytest.approx(1 / 3)


def test_a_word_of_chinese_is_almost_two_characters() -> None:
    text = "一二三四五六七八九" + "甲" + "一二三四五六七八九"
    assert measure(WordRepetition, "word_repetition", text, n=5) == pytest.approx(1 / 11)
    assert measure(WordRepetition, "word_repetition", "一二三四五六七八甲一二三四五六七八", n=5) == 0


def test_repeated_passages_are_counted_by_the_characters_that_they_cover() -> None:
    # The second "aa b aa b" covers 6 of 14 characters, however many n-grams begin in it.
    assert measure(DuplicateNGrams, "duplicate_n_grams", "aa b aa b cc aa b aa b", n=4) == pytest.approx(6 / 14)
    assert measure(DuplicateNGrams, "duplicate_n_grams", "a " * 100, n=5) == pytest.approx(95 / 100 + 4 / 100)


def test_the_most_frequent_n_gram_covers_a_share_of_the_characters() -> None:
    assert measure(TopNGram, "top_n_gram", "a b x a b yy a b", n=2) == pytest.approx(6 / 9)
    assert measure(TopNGram, "top_n_gram", "a b c d", n=2) == 0
    # Both come twice: the longer one counts.
    assert measure(TopNGram, "top_n_gram", "a b x cc dd y a b z cc dd", n=2) == pytest.approx(8 / 15)
    assert measure(TopNGram, "top_n_gram", "a " * 50, n=3) == 1


@settings(deadline=None)
@given(st.text("abc猫 ", max_size=60) | st.text("ab 猫", min_size=600, max_size=700), st.integers(1, 12))
def test_characters_that_come_again_are_those_of_the_definition(text: str, n: int) -> None:
    times = Counter(text[start : start + n] for start in range(len(text) - n + 1))
    top = sorted(times.values(), reverse=True)[: isqrt(len(times))]
    expected = sum(number - 1 for number in top) / sum(times.values()) if times else None
    assert measure(CharacterRepetition, "character_repetition", text, n=n) == (
        None if expected is None else pytest.approx(expected)
    )


@pytest.mark.parametrize(
    "unit", ["a", " ", "#", "a ", "猫", ".", '")', "a\u0301", "'a", "x {", "\u0e01\u0e49", "😀", "的"]
)
def test_a_megabyte_of_one_thing_takes_no_longer_than_other_text(unit: str) -> None:
    from interleave.clean.presets import PRESETS
    from interleave.clean.rules import sort_rules

    text = Text((unit * (1_000_000 // len(unit)),))
    with at_most(20):
        for preset in PRESETS.values():
            for named in sort_rules(preset).document:
                if named.subject == "text":
                    named.rule.judge(named.rule.measure(text), text)  # type: ignore[arg-type]
