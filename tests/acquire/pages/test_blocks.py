import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.acquire.pages.blocks import Text, captioned, pictures_between_sentences
from interleave.acquire.pages.pictures import Picture

X, Y, Z = (Picture(urls=(f"https://example.org/{name}.jpg",)) for name in "xyz")


def said(blocks: list[Text | Picture]) -> list[str | Picture]:
    return [block.text if isinstance(block, Text) else block for block in blocks]


def title(text: str) -> Text:
    return Text(text, "heading", 3)


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([X, Text("A cat.")], [X, "A cat."]),
        ([Text("A cat."), X], [X, "A cat."]),
        ([title("Figure 1."), X, Text("A cat.")], [X, "Figure 1.", "A cat."]),
        ([Text("Two cats."), X, Y], [X, Y, "Two cats."]),
        ([X, Y, Text("Two cats.")], [X, Y, "Two cats."]),
        ([X, Text("One."), Y, Text("Two.")], [X, "One.", Y, "Two."]),
        ([Text("Pets."), X, Text("One."), Y, Text("Two.")], [X, "Pets.", "One.", Y, "Two."]),
    ],
)
def test_captions_stand_behind_their_pictures(blocks: list[Text | Picture], expected: list[str | Picture]) -> None:
    found = captioned(blocks)
    assert said(found) == expected
    assert {(block.kind, block.level) for block in found if isinstance(block, Text)} == {("caption", 0)}


@pytest.mark.parametrize(
    "blocks",
    [
        [Text("A listing."), Text("Listing 1.")],
        [Text("A page that is called a figure. " * 30), X],
        [Text("."), X] * 101,
    ],
    ids=["no picture", "too much text for a caption", "too many blocks"],
)
def test_what_is_no_figure_stays_as_it_is(blocks: list[Text | Picture]) -> None:
    assert captioned(blocks) == blocks


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["One. Click on", X, "the icon. Two."], ["One. ", X, "Click on the icon. Two."]),
        ([X, "One. Two."], [X, "One. Two."]),
        (["One. Two.", X], ["One. Two.", X]),
        (["One is here. ", X, " Two is there."], ["One is here. ", X, "Two is there."]),
        (["A cat", X, "and a dog", Y, "sit there."], [X, Y, "A cat and a dog sit there."]),
        (["A cat ", X, "sits. A dog ", Y, "lies."], [X, "A cat sits. ", Y, "A dog lies."]),
        (["One. ", X, Y, " Two."], ["One. ", X, Y, "Two."]),
        ([X, " ", Y], [X, Y]),
        (["A cat sits here. ", X, "   ", Y], ["A cat sits here. ", X, Y]),
        (["No end", X], ["No end", X]),
    ],
)
def test_no_sentence_is_torn_by_a_picture(pieces: list[str | Picture], expected: list[str | Picture]) -> None:
    found = pictures_between_sentences(pieces, "en")
    assert [_squeezed(part) for part in found] == [_squeezed(part) for part in expected]


def test_chinese_sentences_are_not_torn_either() -> None:
    found = pictures_between_sentences(["猫在窗边。它看着", X, "外面的雨。天黑了。"], "zh")
    assert found == ["猫在窗边。", X, "它看着外面的雨。天黑了。"]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["猫看着外面的", X, "雨。"], [X, "猫看着外面的雨。"]),
        (["猫は窓の", X, "そばに", Y, "座っていた。"], [X, Y, "猫は窓のそばに座っていた。"]),
        (["猫看着，", X, "外面的雨。"], [X, "猫看着，外面的雨。"]),
        (["猫看着", X, Y, "雨。"], [X, Y, "猫看着雨。"]),
        (["猫看着", X, " 雨。"], [X, "猫看着雨。"]),
        (["A cat", X, "and", Y, "a dog."], [X, Y, "A cat and a dog."]),
    ],
)
def test_no_blank_is_left_where_a_picture_stood_in_chinese_text(
    pieces: list[str | Picture], expected: list[str | Picture]
) -> None:
    assert pictures_between_sentences(pieces, "zh") == expected


_PIECES = st.lists(st.sampled_from([X, Y, Z]) | st.text("aB .!?。\n“”猫", max_size=20), max_size=12)


@given(_PIECES, st.sampled_from(["en", "zh", "de", "xx"]))
def test_nothing_is_lost_and_nothing_said_twice(pieces: list[str | Picture], language: str) -> None:
    found = pictures_between_sentences(pieces, language)
    assert [part for part in found if isinstance(part, Picture)] == [
        part for part in pieces if not isinstance(part, str)
    ]
    assert _letters(found) == _letters(pieces)
    assert all(part.strip() for part in found if isinstance(part, str))


def _squeezed(part: str | Picture) -> str | Picture:
    return " ".join(part.split()) if isinstance(part, str) else part


def _letters(parts: list[str | Picture]) -> str:
    return "".join("".join(part.split()) for part in parts if isinstance(part, str))
