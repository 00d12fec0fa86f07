import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.clean.words import fold, is_unspaced, num_unspaced, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's a well-known 'fact'.", ["It's", "a", "well", "known", "fact"]),
        ("don’t stop 3 times", ["don’t", "stop", "3", "times"]),
        ("一只猫 sat", ["一", "只", "猫", "sat"]),
        ("猫cat猫", ["猫", "cat", "猫"]),
        ("été à Tōkyō", ["été", "à", "Tōkyō"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("ภาษา", ["ภ", "า", "ษ", "า"]),
        ("น้ำ", ["น้", "ำ"]),
        ("cafe\u0301 noir", ["cafe\u0301", "noir"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("... !? --", []),
        ("", []),
    ],
)
def test_words_are_found_in_any_script(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_has_the_same_words_among_other_letters(text: str) -> None:
    assert words(f"{text} é") == [*words(text), "é"]


@given(st.text())
def test_no_letter_is_lost(text: str) -> None:
    assert "".join(filter(str.isalpha, text)) == "".join(filter(str.isalpha, "".join(words(text))))


def test_only_characters_of_scripts_without_spaces_are_counted_as_such() -> None:
    assert [word for word in ("a", "é", "猫", "の", "ก", "한") if is_unspaced(word)] == ["猫", "の", "ก"]
    assert num_unspaced(["a", "猫", "猫", "한국어", "の"]) == 3


def test_lists_of_words_and_texts_are_folded_the_same_way() -> None:
    assert fold("DON’T Stop") == "don't stop"
