from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.dedup.evaluation.fingerprints import read_fingerprints, write_fingerprints
from interleave.dedup.evaluation.grams import question_grams, run_hashes, word_hashes
from interleave.dedup.evaluation.items import EvaluationItem
from interleave.dedup.evaluation.match_questions import QuestionMatch, QuestionMatcher

EIGHT = "What is the boy near the wall holding?"
TWENTY = (
    "Are there both red umbrellas and blue chairs next to the old wooden house that stands on the left of the hill?"
)
CHINESE = "图中站在窗边穿红色上衣的女孩手里拿的是什么东西？"
PAGE = ["A page about something else altogether.", "It has several sentences.", "Nothing here is a question."]


def matcher(folder: Path, questions: Sequence[str | tuple[str, Sequence[str]]], share: float = 0.5) -> QuestionMatcher:
    items = []
    for number, question in enumerate(questions):
        text, options = question if isinstance(question, tuple) else (question, ())
        items.append(EvaluationItem(set="set", item=str(number), question=text, options=tuple(options)))
    write_fingerprints(items, folder / "f.parquet")
    return QuestionMatcher(read_fingerprints(folder / "f.parquet"), share)


def planted(*sentences: str) -> list[str]:
    return [PAGE[0], *sentences, *PAGE[1:]]


@pytest.mark.parametrize("question", [EIGHT, TWENTY, CHINESE])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: [text],
        lambda text: [text.upper().replace("?", " !!").replace(" ", "  \t")],
        lambda text: ["Then somebody asks: «" + text + "», and all laugh."],
        lambda text: [text[: text.find(" ", 15)], text[text.find(" ", 15) :]] if " " in text else [text[:9], text[9:]],
        lambda text: [text + " Please answer yes or no."],
    ],
)
def test_a_question_is_found_as_it_is_in_other_case_within_a_sentence_and_over_two(
    tmp_path: Path, question: str, change: object
) -> None:
    assert callable(change)
    found = matcher(tmp_path, [question]).match(planted(*change(question)))
    assert found == QuestionMatch(set="set", item="0", share=1.0)


def test_apostrophes_are_one_however_they_are_written(tmp_path: Path) -> None:
    questions = matcher(tmp_path, ["What's the function of the object that's shown here?"])
    assert questions.match(planted("What’s the function of the object that’s shown here?")) is not None


def test_a_page_without_a_question_is_left_alone(tmp_path: Path) -> None:
    questions = matcher(tmp_path, [EIGHT, TWENTY, CHINESE])
    assert questions.match(PAGE) is None
    assert questions.match([]) is None
    assert (
        questions.match(planted("What is the boy near the wall doing?", "图中站在窗边的女孩手里拿的是什么？")) is None
    )


@pytest.mark.parametrize("question", ["What color is the shirt?", "Is it the man to the left?", "图中所示建筑名称为？"])
def test_ordinary_language_is_not_matched_by_its_words(tmp_path: Path, question: str) -> None:
    assert matcher(tmp_path, [question]).match(planted(question)) is None


def test_what_prompts_add_is_no_part_of_a_question(tmp_path: Path) -> None:
    asked = [f"{EIGHT}\nAnswer the question using a single word or phrase.", "What is it? Please answer yes or no."]
    questions = matcher(tmp_path, asked)
    assert questions.match(planted(EIGHT)) is not None
    # Three words, with the request eight.
    assert questions.match(planted(asked[1])) is None
    assert questions.match(planted("Please answer yes or no.")) is None
    twice = f"{EIGHT} Please answer yes or no.\nAnswer the question using a single word or phrase."
    assert matcher(tmp_path, [twice]).match(planted(EIGHT)) is not None


def test_a_short_question_is_known_together_with_its_options(tmp_path: Path) -> None:
    questions = matcher(tmp_path, [("Who is this?", ["Ada Lovelace", "Emmy Noether", "Mary Somerville"])])
    for page in (
        ["Who is this?", "A. Ada Lovelace", "B. Emmy Noether", "C. Mary Somerville"],
        ["Who is this? (a) Ada Lovelace (b) Emmy Noether (c) Mary Somerville"],
        ["Who is this?", "Ada Lovelace, Emmy Noether, Mary Somerville"],
    ):
        assert questions.match(planted(*page)) == QuestionMatch(set="set", item="0", share=1.0)
    assert questions.match(planted("Who is this?")) is None
    assert questions.match(planted("Who is this?", "A. Ada Lovelace", "B. somebody else")) is None


def test_half_of_a_long_question_is_enough_and_less_is_not(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(22)]  # 10 runs of 13
    questions = matcher(tmp_path, [" ".join(words)])
    for num_words, share in ((22, 1.0), (17, 0.5), (16, None)):
        found = questions.match(planted(" ".join(words[:num_words])))
        assert (found.share if found else None) == share
    assert matcher(tmp_path, [" ".join(words)], share=0.1).match(planted(" ".join(words[3:16]))) is not None


def test_the_question_with_the_largest_share_is_named_and_the_first_of_equal_ones(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(26)]
    questions = matcher(tmp_path, [" ".join(words), " ".join(words[:20]), EIGHT, EIGHT])
    assert questions.match(planted(" ".join(words[:20]))) == QuestionMatch(set="set", item="1", share=1.0)
    assert questions.match(planted(EIGHT)) == QuestionMatch(set="set", item="2", share=1.0)


@pytest.mark.parametrize(("num_items", "is_found"), [(10, True), (11, False)])
def test_what_stands_in_many_questions_is_a_manner_of_speaking(tmp_path: Path, num_items: int, is_found: bool) -> None:
    questions = matcher(tmp_path, [EIGHT] * num_items + [TWENTY])
    assert (questions.match(planted(EIGHT)) is not None) == is_found
    assert questions.match(planted(TWENTY)) is not None


def test_both_ways_in_which_options_may_stand_count_as_one_question(tmp_path: Path) -> None:
    questions = matcher(tmp_path, [(TWENTY, ["yes", "no"])] * 6)
    # The runs that do not reach the options are in both ways: in 12 of them, but in 6 questions.
    assert questions.match(planted(TWENTY)) is not None


def test_a_set_without_questions_finds_none(tmp_path: Path) -> None:
    assert matcher(tmp_path, []).match(planted(EIGHT)) is None
    assert matcher(tmp_path, ["Why?"]).match(["Why?"]) is None


def test_runs_are_as_long_as_the_question_but_not_longer_than_thirteen_words() -> None:
    text = [f"w{number}" for number in range(40)]
    for num_words in range(40):
        ways = question_grams(" ".join(text[:num_words]))
        expected = [] if num_words < 8 else [(min(num_words, 13), max(1, num_words - 12))]
        assert [(length, len(grams)) for length, grams in ways] == expected
    characters = "".join(chr(0x4E00 + number) for number in range(40))
    for num_words in range(40):
        ways = question_grams(characters[:num_words])
        expected = [] if num_words < 14 else [(min(num_words, 23), max(1, num_words - 22))]
        assert [(length, len(grams)) for length, grams in ways] == expected


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(1, 6))
def test_runs_have_the_same_hash_when_their_words_are_the_same_and_only_then(words: list[str], length: int) -> None:
    runs = [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
    hashes = run_hashes(word_hashes(words), length).tolist()
    assert len(hashes) == len(runs)
    assert len(set(zip(runs, hashes, strict=True))) == len(set(runs)) == len(set(hashes))


def test_hashes_stay_the_same_from_run_to_run_and_machine_to_machine() -> None:
    assert run_hashes(word_hashes(["one", "two", "three"]), 2).tolist() == [6042616134145678600, 12646288761842965241]
