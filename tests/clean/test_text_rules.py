"""What each rule on text measures, in English and in Chinese."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from interleave.clean.bounds import Verdict
from interleave.clean.rules import Rule
from interleave.clean.text_view import Text
from interleave.errors import RecipeError

RULE: TypeAdapter[Any] = TypeAdapter(Rule)
NEEDS_NO_BOUND = {"phrases", "language"}
KINDS = [
    "num_words", "num_characters", "mean_word_length", "longest_word", "special_characters", "punctuation", "digits",
    "uppercase", "alphabetic_words", "symbols_per_word", "bullet_lines", "ellipsis_lines", "terminal_punctuation",
    "duplicate_lines", "duplicate_line_characters", "character_repetition", "word_repetition", "top_n_gram",
    "duplicate_n_grams", "stopwords", "num_stopwords", "flagged_words", "phrases", "language",
]  # fmt: skip
ENGLISH = "The cat sat on the mat, and it was as happy as a cat can be."
CHINESE = "我们在家里做了一道很好吃的菜，大家都说这是最好的。"


def rule(kind: str, **settings: Any) -> Any:
    bound = {} if kind in NEEDS_NO_BOUND or {"min", "max"} & settings.keys() else {"max": 1}
    return RULE.validate_python({"kind": kind, **bound, **settings})


def measure(kind: str, *lines: str, **settings: Any) -> float | None:
    return rule(kind, **settings).measure(Text(lines))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_without_lines_is_measured_and_kept(kind: str) -> None:
    value = measure(kind, max=1) if kind != "language" else measure(kind)
    assert value in (None, 0)
    assert rule(kind).judge(value, Text(())) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(min_size=1), max_size=4))
def test_any_text_can_be_measured(lines: list[str]) -> None:
    text = Text(tuple(lines))
    for kind in KINDS:
        one = rule(kind)
        value = one.measure(text)
        assert value is None or value >= 0
        if kind not in ("num_words", "num_characters", "longest_word", "mean_word_length", "symbols_per_word",
                        "num_stopwords", "phrases"):  # fmt: skip
            assert value is None or value <= 1
        one.judge(value, text)
        assert one.measure(Text(tuple(lines))) == value


def test_both_bounds_are_kept_or_broken() -> None:
    one = rule("num_words", min=2, max=3)
    assert one.judge(2, Text(())) is None
    assert one.judge(1, Text(())) == Verdict(1, 2)
    assert one.judge(4, Text(())) == Verdict(4, 3)
    with pytest.raises(ValidationError, match="give `min`"):
        RULE.validate_python({"kind": "digits"})
    with pytest.raises(ValidationError):
        RULE.validate_python({"kind": "digits", "max": 1.5})


def test_lengths_are_of_words_in_scripts_with_spaces() -> None:
    assert measure("num_words", "一只猫 sat") == 4
    assert measure("num_characters", "ab", "c") == 4
    assert measure("mean_word_length", "a bbb") == 2
    assert measure("mean_word_length", "a bbb 猫") == 2
    assert measure("mean_word_length", "一只猫 sat") is None
    assert measure("longest_word", "see https://example.org/page now") == 24
    assert measure("longest_word", "一只很大的猫https") == 5


def test_letters_of_any_script_are_letters() -> None:
    assert measure("special_characters", "Tōkyō हिन्दी 東京 กรุงเทพ") == 0
    assert measure("special_characters", "ab#1") == 0.5
    assert measure("special_characters", "a b", "c 1") == 0.25
    assert measure("special_characters", "👍🏽") == 1


def test_a_character_of_chinese_weighs_as_many_letters_as_stand_in_its_place() -> None:
    assert measure("special_characters", "猫，") == pytest.approx(1 / (1 + 4.7 / 1.75))


def test_special_characters_of_a_short_text_are_not_measured_where_that_is_asked_for() -> None:
    assert measure("special_characters", "U.S.", from_words=3) is None
    assert measure("special_characters", "see U.S.", from_words=3) == pytest.approx(2 / 7)
    assert measure("special_characters", "一只猫，", from_words=3) is None


def test_marks_of_sentences_are_counted_among_words_in_each_script() -> None:
    assert measure("punctuation", "One, two - (three).") == 2 / 5
    assert measure("punctuation", "一、二。") == 0.5
    assert measure("punctuation", "นี่คือประโยค") is None
    assert measure("punctuation", "one two three", from_words=4) is None


def test_digits_and_capitals_are_shares_of_what_can_be_seen() -> None:
    assert measure("digits", "12 ab") == 0.5
    assert measure("uppercase", "AB c1") == 0.5
    assert measure("digits", "１２") == 1


def test_words_with_a_letter_are_alphabetic() -> None:
    assert measure("alphabetic_words", "10 eggs 2nd 猫") == 0.75


def test_the_most_frequent_symbol_counts_for_each_word() -> None:
    assert measure("symbols_per_word", "#one #two three... four") == 0.5
    assert measure("symbols_per_word", "好吧……") == 0.5
    assert measure("symbols_per_word", "###") == 3


def test_lines_of_a_document_are_looked_at_one_by_one() -> None:
    assert measure("bullet_lines", "- one", "• two", "three", "· four") == 0.75
    assert measure("ellipsis_lines", "More ...", "Read…", "Done.") == pytest.approx(2 / 3)
    assert measure("ellipsis_lines", "未完……") == 1
    assert measure("duplicate_lines", "one", "two", "one", "one") == 0.5
    assert measure("duplicate_line_characters", "aaaa", "b", "aaaa", "c") == 0.4


def test_a_paragraph_begins_with_its_first_line_and_ends_with_its_last() -> None:
    assert measure("bullet_lines", "- one", "two", of="paragraph") == 1
    assert measure("terminal_punctuation", "What", "is this?", of="paragraph") == 1
    assert measure("terminal_punctuation", "What", "is this?", of="document") == 0.5


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("He left.", 1), ("He left!)", 1), ('He said "yes"', 1), ("He left”", 1), ("他走了。", 1), ("他走了！”", 1),
        ("他走了」", 1), ("(他走了。)", 1), ("वह गया।", 1), ("Home", 0), ("他走了", 0), ("他走了，", 0),
        ("He left ...", 0), ("他……", 0), ("Read more…", 0), (")", 0), ("เขาไปแล้ว", None),
    ],
)  # fmt: skip
def test_a_sentence_ends_with_its_mark(text: str, ends: float | None) -> None:
    assert measure("terminal_punctuation", text) == ends


def test_words_on_the_list_of_the_language_are_stopwords() -> None:
    assert measure("stopwords", "the quick brown fox of", language="en") == 0.4
    assert measure("stopwords", "the quick brown fox 12 5g of", language="en") == 0.4
    assert measure("stopwords", "le chat et la souris", language="fr") == 0.6
    assert measure("stopwords", ENGLISH) == measure("stopwords", ENGLISH, language="en")
    assert measure("stopwords", "DON’T", language="en") == 1


def test_chinese_stopwords_are_matched_from_the_longest() -> None:
    # 因为 is one match, 他 another; the other three characters count as one word.
    assert measure("stopwords", "因为他吃苹果") == pytest.approx(2 / 3)
    assert measure("stopwords", "因為他吃蘋果") == pytest.approx(2 / 3)
    running, listed = measure("stopwords", CHINESE), measure("stopwords", "香叶八角桂皮花椒辣椒豆瓣酱啤酒生抽食盐")
    assert running is not None
    assert listed is not None
    assert running > 0.5 > 0.2 > listed


def test_languages_without_a_list_of_use_are_not_measured() -> None:
    assert measure("stopwords", "これは猫です。") is None
    assert measure("stopwords", "นี่คือแมว") is None
    assert measure("stopwords", "qwx zzk vvb") is None


def test_a_sentence_is_in_the_language_of_its_document() -> None:
    document = Text((ENGLISH, "Ein Satz.", "猫。"))
    assert Text(("tot",), document=document).list_language == "en"
    assert Text(("我们都在这里。",), document=document).list_language == "zh"


def test_frequent_words_are_counted_once_each() -> None:
    assert measure("num_stopwords", "the the of", language="en") == 2
    assert measure("num_stopwords", "Then these offer", language="en") == 0
    assert measure("num_stopwords", "猫的和狗的") == 2
    assert measure("num_stopwords", "x y", words=["y", "z"]) == 1


def test_obscene_words_and_phrases_are_a_share_of_the_words() -> None:
    assert measure("flagged_words", "what the fuck is this", language="en") == 0.2
    assert measure("flagged_words", "a deep throat case", language="en") == pytest.approx(1 / 3)
    assert measure("flagged_words", "scunthorpe and sex education", language="en") == 0
    assert measure("flagged_words", "你他妈的", language="zh") == pytest.approx(1 / (1 + 1 / 3))
    assert measure("flagged_words", "牛奶和鸡蛋", language="zh") == 0


def test_a_list_of_ones_own_may_hold_phrases_in_any_script(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("Cat\n\nbig dog\n很大\n", encoding="utf-8")
    assert measure("flagged_words", "a cat and a big dog", file=str(file)) == 0.4
    assert measure("common_words", "cat mouse", file=str(file)) == 0.5
    assert measure("common_words", "很大的猫", file=str(file)) is None
    assert measure("flagged_words", "很大的猫", file=str(file)) == pytest.approx(1 / (1 + 2 / 3))


def test_a_list_that_cannot_be_read_is_an_error_of_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="no such file"):
        rule("common_words", file=str(tmp_path / "none.txt"))
    empty, binary = tmp_path / "empty.txt", tmp_path / "binary.txt"
    empty.write_text("\n...\n")
    binary.write_bytes(b"\xff\xfe\xfa")
    for path in (empty, binary):
        with pytest.raises(RecipeError, match="expected"):
            measure("common_words", "a", file=str(path))


def test_phrases_are_found_at_the_borders_of_words() -> None:
    assert measure("phrases", "Please LOG IN here.", phrases=["log in"]) == 1
    assert measure("phrases", "A blog in Berlin", phrases=["log in"]) == 0
    assert measure("phrases", "请点击查看详情", phrases=["点击查看"]) == 1
    assert measure("phrases", "if (a) { b }", phrases=["{"]) == 1
    one = rule("phrases", phrases=["read more", "log in"])
    text = Text(("Log in to read more",))
    assert one.judge(one.measure(text), text) == Verdict(2, 0, "read more")


def test_long_texts_may_say_what_short_ones_may_not() -> None:
    assert measure("phrases", "Read more", up_to_words=3) == 1
    assert measure("phrases", "She wanted to read more", up_to_words=3) is None


def test_the_language_is_detected() -> None:
    one = rule("language", keep=["en"])
    english, chinese = Text((ENGLISH,)), Text((CHINESE,))
    assert one.judge(one.measure(english), english) is None
    assert one.judge(one.measure(chinese), chinese) == Verdict(0, 0.8, "zh")
    both = Text((CHINESE, "Add some butter if your bacon was not fatty enough and let it cook."))
    value = rule("language").measure(both)
    assert 0.4 < value < 0.8
    assert measure("language", "12 + 5 = !?") is None


@pytest.mark.parametrize("hidden", ["</s>", "\n", "\x00", "\ud800"])
def test_nothing_in_a_text_ends_what_is_looked_at(hidden: str) -> None:
    found = Text((f"{hidden} {ENGLISH}",)).language
    assert found is not None
    assert found.code == "en"
    assert found.score > 0.9


def test_a_long_text_is_looked_at_from_its_beginning_to_its_end() -> None:
    assert 0.4 < measure("language", CHINESE * 400, (ENGLISH + " ") * 160) < 0.95  # type: ignore[operator]


def test_scripts_tell_apart_what_sentences_are_too_short_for() -> None:
    assert Text(("東京都内の有名大学",)).list_language == "ja"
    assert Text(("安全第一",)).list_language == "zh"
    assert Text(("สวัสดี",)).list_language == "th"
    assert Text(("ສະບາຍດີ",)).list_language is None


def test_a_language_may_be_the_one_that_the_source_states() -> None:
    one = rule("language", by="source", keep=["en-US"])
    stated, other, unknown = (Text(("x",), stated_language=code) for code in ("en-US", "de", None))
    assert one.judge(one.measure(stated), stated) is None
    assert one.judge(one.measure(other), other) == Verdict(0, 0.8, "de")
    assert one.judge(one.measure(unknown), unknown) is None
