"""Where sentences begin among the ids of their text, and which text comes back from ids."""

from functools import cache
from itertools import accumulate

import pytest
from fixtures_tokenizers import KINDS, WITH_SPACE, is_back, open_kind, path_of
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend

from interleave.encode.tokenized import OffsetEncoding, SpelledEncoding, Tokenized

# One to four bytes, accents that are characters, what NFC and NFKC make longer or shorter, no width, an emoji of five
# characters.
ODD = [
    "é",
    "e\u0301",
    "ﬁ",
    "½",
    "\u0344",
    "ﷺ",
    "猫",
    "\u200b",
    "\ufeff",
    "😀",
    "👩\u200d👩\u200d👧",
    "한",
    "\u1112\u1161",
]
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd▁")
sentence = st.one_of(
    st.lists(st.sampled_from([*ODD, "a", " ", "  ", "\n", ".", "the cat"]), max_size=12).map("".join),
    st.text(letters, max_size=8),
)
sentences = st.lists(sentence, min_size=1, max_size=6)
UNCHANGED = [kind for kind in KINDS if kind not in ("NFC", "NFKC")]


@pytest.mark.parametrize("kind", UNCHANGED)
@given(sentences=sentences, separator=st.sampled_from(["", " ", "\n", "\n\n"]))
def test_a_sentence_begins_with_the_first_id_that_has_something_of_it(
    kind: str, sentences: list[str], separator: str
) -> None:
    text = separator.join(sentences)
    tokenized = open_kind(kind).encode_batch([text])[0]
    begins = list(accumulate((len(sentence) + len(separator) for sentence in sentences[:-1]), initial=0))
    borders = [tokenized.id_at(begin) for begin in begins]
    assert borders == sorted(borders)
    for begin, border in zip(begins, borders, strict=True):
        assert num_characters(kind, text, tokenized, border) <= begin
        if begin < len(text):
            assert num_characters(kind, text, tokenized, border + 1) > begin
        else:
            assert border == len(tokenized.ids)


def num_characters(kind: str, text: str, tokenized: Tokenized, num_ids: int) -> int:
    """Of how many characters the first ids have something."""
    ids = tokenized.ids.tolist()
    num_added = len(shown(kind, ids)) - len(text)  # the space in front
    first = shown(kind, ids[:num_ids])
    whole = first.rstrip("\ufffd")  # a character that is not complete yet
    return max(len(whole) - num_added, 0) + (whole != first)


def shown(kind: str, ids: list[int]) -> str:
    """What ids are decoded to; `tokenizers` shows all bytes of a run as broken where its last character is."""
    if kind not in WITH_SPACE:
        return open_kind(kind).decode(ids)
    pieces = [pieces_of(kind)[token_id].replace("▁", " ").encode() for token_id in ids]
    return b"".join(
        bytes.fromhex(piece[3:5].decode()) if piece.startswith(b"<0x") else piece for piece in pieces
    ).decode(errors="replace")


@cache
def pieces_of(kind: str) -> dict[int, str]:
    if path_of(kind).suffix == ".json":
        return {number: token for token, number in library(kind).get_vocab().items()}
    from sentencepiece import SentencePieceProcessor

    model = SentencePieceProcessor(model_file=str(path_of(kind)))
    return {number: model.id_to_piece(number) for number in range(model.get_piece_size())}


@pytest.mark.parametrize("kind", UNCHANGED)
@given(text=sentence)
def test_each_id_begins_at_the_character_of_which_it_has_the_first_part(kind: str, text: str) -> None:
    tokenized = open_kind(kind).encode_batch([text])[0]
    starts = tokenized.starts().tolist()
    assert starts == sorted(starts) and len(starts) == len(tokenized.ids)
    for number, start in enumerate(starts):
        before = num_characters(kind, text, tokenized, number)
        assert start in (before, before - 1)
        assert tokenized.id_at(start) <= number or start == 0


@cache
def library(kind: str) -> Backend:
    backend = Backend.from_file(str(path_of(kind)))
    backend.encode_special_tokens = True
    return backend


@pytest.mark.parametrize("kind", ["NFC", "NFKC"])
@given(sentences=sentences)
def test_where_a_text_is_changed_first_borders_are_the_librarys(kind: str, sentences: list[str]) -> None:
    text = " ".join(sentences)
    tokenized = open_kind(kind).encode_batch([text])[0]
    offsets = library(kind).encode(text).offsets
    borders = [tokenized.id_at(character) for character in range(len(text))]
    assert borders == sorted(borders)
    assert borders == [
        next((number for number, (_, end) in enumerate(offsets) if end > character), len(offsets))
        for character in range(len(text))
    ]
    assert tokenized.starts().tolist() == sorted(begin for begin, _ in offsets)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.one_of(st.text(), sentence))
def test_any_text_comes_back_from_its_ids(kind: str, text: str) -> None:
    tokenizer = open_kind(kind)
    assert is_back(kind, text, tokenizer.decode(tokenizer.encode_batch([text])[0].ids.tolist()))


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(st.one_of(sentence, st.text(max_size=5)), max_size=5))
def test_texts_of_a_batch_are_encoded_as_each_alone(kind: str, texts: list[str]) -> None:
    tokenizer = open_kind(kind)
    together, alone = tokenizer.encode_batch(texts), [tokenizer.encode_batch([text])[0] for text in texts]
    assert [item.ids.tolist() for item in together] == [item.ids.tolist() for item in alone]
    assert [item.starts().tolist() for item in together] == [item.starts().tolist() for item in alone]


@pytest.mark.parametrize("kind", KINDS)
def test_the_library_is_asked_for_borders_only_where_the_ids_do_not_spell_the_text(kind: str) -> None:
    plain, changed = open_kind(kind).encode_batch(["the café — 猫 😀\n two  lines", "cafe\u0301 ▁"])
    assert isinstance(plain, SpelledEncoding)
    assert isinstance(changed, OffsetEncoding if kind in (*WITH_SPACE, "NFC", "NFKC") else SpelledEncoding)


def test_a_character_that_no_id_came_from_belongs_to_the_next_id() -> None:
    tokenized = OffsetEncoding([5, 6, 7], [0, 4, 9], [3, 7, 10])
    assert [tokenized.id_at(character) for character in range(11)] == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3]


def test_the_ids_of_one_character_begin_together() -> None:
    # "ab" + three ids of one character that was two ("e" and its accent) + "c"
    tokenized = OffsetEncoding([10, 11, 12, 13, 14], [0, 2, 2, 2, 4])
    assert [tokenized.id_at(character) for character in range(5)] == [0, 0, 1, 1, 4]
