import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.clean.text import Repair, repair

ALL = Repair()


@pytest.mark.parametrize(
    ("damaged", "repaired"),
    [
        ("The cafÃ©\u200b  is\topen &amp; warm", "The café is open & warm"),
        ("donâ€™t", "don’t"),
        ("1 &lt; 2 &gt; 0", "1 < 2 > 0"),
        ("soft\u00adhyphen", "softhyphen"),
        ("\ufeffstart", "start"),
        ("a\u202eb\u2066c\u200ed", "abcd"),
        ("bell\x07and\x00null", "bell and null"),
        ("  a \n\n b\u00a0\u3000c ", "a b c"),
        ("e\u0301", "é"),
        ("\u200b \t\n", ""),
        ("", ""),
    ],
)
def test_damage_is_repaired(damaged: str, repaired: str) -> None:
    assert repair(damaged, ALL) == repaired


@pytest.mark.parametrize(
    "text",
    [
        "Plain English, with 3.14 and 50%.",
        "“curly quotes” — and ‘single’ ones…",
        "全角，标点。也是对的！ＡＢＣ",
        "ﬁne ligatures",
        "می‌خواهم",  # a zero-width non-joiner that Persian needs
        "👩‍👩‍👧",  # zero-width joiners hold the family together
        "naïve façade",
    ],
)
def test_how_people_write_is_left_alone(text: str) -> None:
    assert repair(text, ALL) == text


@pytest.mark.parametrize(
    ("switch", "text"),
    [("encoding", "cafÃ© &amp; bar"), ("control_characters", "a\x07b\u200bc"), ("whitespace", "  a \t b ")],
)
def test_each_repair_can_be_switched_off(switch: str, text: str) -> None:
    assert repair(text, ALL) != text
    assert repair(text, Repair(**{switch: False})) == text


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_is_left_has_single_spaces_and_nothing_invisible(text: str) -> None:
    repaired = repair(text, ALL)
    assert repaired == " ".join(repaired.split())
    assert not set(repaired) & {*map(chr, range(32)), "\x7f", "\u200b", "\ufeff", "\u202e", "\u00ad"}


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="&"), max_size=30))
def test_printable_ascii_is_never_changed(text: str) -> None:
    assert repair(text, ALL) == text
