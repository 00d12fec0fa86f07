from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from records import at_most, image_tokens, make_image, make_measured

from interleave.align.settings import Align
from interleave.clean.rules import Rules
from interleave.document import Document, Encoded, Image, ImageSpan, Sentence, TextPart
from interleave.encode.fit import Fit
from interleave.encode.layout import LayoutSettings, lay_out
from interleave.encode.layouts import LAYOUTS
from interleave.encode.settle import Gone, settle
from interleave.encode.split import split
from interleave.encode.tokenized import OffsetEncoding, Tokenized
from interleave.encode.tokenizer import find_tokenizer, load_tokenizer

LLAMA = "package:wordllama/tokenizers/l2_supercat_tokenizer_config.json"


class Letters:
    """Each letter is an id, its code point; a pair of letters in `pairs` is one id, 1000."""

    vocab_size = 2000

    def __init__(self, *pairs: str) -> None:
        self._pairs = pairs

    def encode_batch(self, texts: Sequence[str]) -> Sequence[Tokenized]:
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> Tokenized:
        ids, starts, at = [], [], 0
        while at < len(text):
            starts.append(at)
            pair = text[at : at + 2] in self._pairs
            ids.append(1000 if pair else ord(text[at]))
            at += 2 if pair else 1
        return OffsetEncoding(ids, starts)

    def decode(self, ids: Sequence[int]) -> str:
        raise NotImplementedError

    def token_id(self, token: str) -> int | None:
        raise NotImplementedError


def document(*parts: str | int) -> Document:
    """Texts are sentences, numbered as they come; an integer is an image that belongs to that sentence."""
    made: list[Sentence | Image] = []
    for part in parts:
        if isinstance(part, str):
            made.append(Sentence(index=sum(isinstance(item, Sentence) for item in made), text=part))
        else:
            made.append(make_image(len(made), matched=part))
    return Document(id="d", source="s", url=None, parts=tuple(made))


def settings(**changes: object) -> LayoutSettings:
    values = {
        "image": image_tokens(4),
        "separator": " ",
        "text_before": "",
        "text_after": "",
        "strip": False,
        "bos": 1,
        "eos": 2,
        "longest_sentence": None,
    }
    return LayoutSettings(**(values | changes))


def encode(parts: Document, tokenizer: Letters | None = None, **changes: object) -> Encoded:
    return lay_out([parts], tokenizer or Letters(), settings(**changes))[0]


def ids(text: str) -> list[int]:
    """`B` is BOS, `E` is EOS, `I` is an image."""
    return [{"B": 1, "E": 2, "I": -200}.get(letter, ord(letter)) for letter in text]


def test_a_document_is_bos_text_and_placeholders_in_order_and_eos() -> None:
    encoded = encode(document("ab", "cd", 2, 2, "ef"))
    assert encoded.token_ids.tolist() == ids("Bab cdIIefE")
    assert encoded.token_ids.dtype == np.int32
    assert [(span.start, span.length, span.num_tokens) for span in encoded.spans] == [(6, 1, 4), (7, 1, 4)]
    assert (encoded.num_structural, encoded.num_tokens) == (2, 11 + 2 * 3)


def test_the_parts_are_the_document_and_cover_all_but_the_ends() -> None:
    encoded = encode(document(0, "ab", "cd", 2, "ef"))
    # B I "ab" " cd" would begin at the space; with letters for ids the space belongs to the sentence before it.
    assert [(part.start, part.length) for part in encoded.parts] == [(1, 1), (2, 3), (5, 2), (7, 1), (8, 2)]
    assert [part.text if isinstance(part, TextPart) else part.image.index for part in encoded.parts] == [
        0,
        "ab",
        "cd",
        3,
        "ef",
    ]


def test_an_id_of_two_sentences_goes_to_the_second() -> None:
    encoded = encode(document("ab", "cd"), Letters(" c"))
    assert encoded.token_ids.tolist() == [1, ord("a"), ord("b"), 1000, ord("d"), 2]
    assert [(part.start, part.length) for part in encoded.parts] == [(1, 2), (3, 2)]


def test_a_unit_is_a_sentence_with_the_images_that_belong_to_it() -> None:
    before = encode(document(0, 0, "ab", 1, "cd", "ef"))
    assert before.token_ids.tolist() == ids("BIIabIcd efE")
    assert before.cuts.tolist() == [0, 5, 9]
    after = encode(document("ab", 0, "cd", 1, 1, "ef"))
    assert after.token_ids.tolist() == ids("BabIcdIIefE")
    assert after.cuts.tolist() == [0, 4, 8]


def test_images_of_a_sentence_that_is_gone_are_a_unit_of_their_own() -> None:
    encoded = encode(document("ab", 7, 7, "cd"))
    assert encoded.cuts.tolist() == [0, 3, 5]


@pytest.mark.parametrize(
    ("ends", "expected", "num_structural"),
    [
        ({"bos": None}, "abE", 1),
        ({"eos": None}, "Bab", 1),
        ({"bos": None, "eos": None}, "ab", 0),
    ],
)
def test_an_end_that_is_not_wished_is_left_out(ends: dict[str, None], expected: str, num_structural: int) -> None:
    encoded = encode(document("ab"), **ends)
    assert encoded.token_ids.tolist() == ids(expected)
    assert (encoded.num_structural, encoded.cuts.tolist()) == (num_structural, [0])


def test_a_document_of_images_alone_is_encoded() -> None:
    encoded = encode(document(0, 1))
    assert encoded.token_ids.tolist() == ids("BIIE")
    assert encoded.cuts.tolist() == [0, 2]


def test_documents_of_a_batch_are_not_mixed_up() -> None:
    batch = [document("ab", 0, "cd"), document(0), document("ef")]
    together = lay_out(batch, Letters(), settings())
    assert [encoded.token_ids.tolist() for encoded in together] == [ids("BabIcdE"), ids("BIE"), ids("BefE")]
    assert [encoded.document for encoded in together] == batch


def test_a_sentence_knows_its_borders_only_where_it_may_be_cut() -> None:
    short, long = encode(document("ab", "cdef"), separator="", longest_sentence=3).parts
    assert isinstance(short, TextPart) and isinstance(long, TextPart)
    assert short.borders is None
    assert long.borders is not None and long.borders.tolist() == [0, 1, 2, 3]
    assert (long.text_between(0, 2), long.text_between(2, 4)) == ("cd", "ef")


def test_an_id_that_began_in_the_sentence_before_takes_no_text_from_it() -> None:
    _, second = encode(document("ab", "cdef"), Letters(" c"), longest_sentence=3).parts
    assert isinstance(second, TextPart) and second.borders is not None
    assert second.borders.tolist() == [0, 1, 2, 3]
    assert (second.text_between(0, 1), second.text_between(1, 4)) == ("c", "def")


sentences = st.text(st.sampled_from("abc .,é猫😀\n<>/s"), min_size=1, max_size=30)


@examples(phases=(Phase.generate,), max_examples=300)  # a case that does not end is not made smaller
@given(st.lists(sentences | st.integers(0, 3), min_size=1, max_size=8), st.integers(6, 20), st.booleans())
def test_with_a_real_tokenizer_parts_tile_the_ids_and_cutting_loses_no_text(
    parts: list[str | int], context: int, ends: bool
) -> None:
    tokenizer = load_tokenizer(find_tokenizer(LLAMA))
    both = {"bos": 1, "eos": 2} if ends else {"bos": None, "eos": None}
    (encoded,) = lay_out([document(*parts)], tokenizer, settings(longest_sentence=context - 2, **both))
    position = int(ends)
    for part in encoded.parts:
        assert part.start == position
        position += part.length
    assert position == len(encoded.token_ids) - int(ends)
    assert encoded.num_structural == 2 * int(ends)
    assert [index for index, found in enumerate(encoded.token_ids) if found == -200] == [
        span.start for span in encoded.spans
    ]
    assert not {0, 1, 2} & set(encoded.token_ids[int(ends) : len(encoded.token_ids) - int(ends)].tolist())

    with at_most(1):
        pieces, _ = split(encoded, context)
    words = [part.text for piece in pieces for part in piece.parts if isinstance(part, TextPart)]
    assert "".join(words) == "".join(part for part in parts if isinstance(part, str))
    assert sum(len(piece.spans) for piece in pieces) == sum(isinstance(part, int) for part in parts)
    for piece in pieces:
        assert all(0 <= part.start <= part.start + part.length <= len(piece.token_ids) for part in piece.parts)
        assert not any(isinstance(part, ImageSpan) and piece.token_ids[part.start] != -200 for part in piece.parts)


def test_text_around_images_is_encoded_with_its_neighbours_and_is_structure() -> None:
    # "ab" and the text in front of the image, "\n", are one string; "b\n" is one id, and stays with its sentence.
    wrapped = {"text_before": "\n", "text_after": "\n"}
    encoded = encode(document("ab", 1, "cd"), **wrapped)
    assert encoded.token_ids.tolist() == ids("Bab\nI\ncdE")
    assert [(part.start, part.length) for part in encoded.parts] == [(1, 2), (4, 1), (6, 2)]
    assert (encoded.num_structural, encoded.cuts.tolist()) == (4, [0, 3])
    joined = encode(document("ab", 1, "cd"), Letters("b\n"), **wrapped)
    assert joined.token_ids.tolist() == [1, ord("a"), 1000, -200, ord("\n"), *ids("cdE")]
    assert [(part.start, part.length) for part in joined.parts] == [(1, 2), (3, 1), (5, 2)]
    assert joined.cuts.tolist() == [0, 3]


def test_images_side_by_side_have_the_text_around_both_between_them() -> None:
    encoded = encode(document(0, 0, "ab"), text_before="(", text_after=")")
    assert encoded.token_ids.tolist() == ids("B(I)(I)abE")
    assert (encoded.num_structural, encoded.cuts.tolist()) == (6, [0])


def test_a_cut_leaves_the_text_around_an_image_with_it() -> None:
    encoded = encode(document("ab", 1, "cd", 2, "ef"), text_before="(", text_after=")")
    parts, num_inside = split(encoded, 10)
    assert [part.token_ids.tolist() for part in parts] == [ids("Bab"), ids("(I)cd"), ids("(I)efE")]
    assert num_inside == 0


def test_a_stored_image_may_be_several_ids_and_is_one_span() -> None:
    expanded = replace(image_tokens(3), form="expanded")
    encoded = encode(document("ab", 1, "cd"), image=expanded)
    assert encoded.token_ids.tolist() == ids("BabIIIcdE")
    assert [(span.start, span.length, span.num_tokens) for span in encoded.spans] == [(3, 3, 3)]
    assert (encoded.num_structural, encoded.num_tokens) == (2, 9)


def as_vila(sentences: Sequence[str], images: Sequence[int], newline: str) -> str:
    """What VILA's class makes of a document with images at these sentences; `#` is a placeholder, and not in a text."""
    texts = list(sentences)
    for sentence in images[:6]:
        texts[sentence] = f"#{newline}{texts[sentence]}"
    return " ".join(texts).replace("# ", "#").replace(" #", "#")


vila_sentences = st.lists(st.text(st.sampled_from("ab \n"), max_size=6), min_size=1, max_size=5)


@given(vila_sentences, st.lists(st.integers(0, 4), max_size=8), st.sampled_from(["vila-1.0", "vila-2.0"]))
def test_the_layouts_of_vila_join_and_strip_as_its_class_does(texts: list[str], places: list[int], layout: str) -> None:
    places = [place % len(texts) for place in places]
    fixed = LAYOUTS[layout]
    measured = make_measured(texts, [make_image(index, matched=place) for index, place in enumerate(places)])
    fit = Fit(max_images=fixed.max_images, keep_empty=fixed.as_vila)
    settled = settle(measured, Gone(), Rules(), Align(), fit=fit)
    encoded = encode(settled.document, text_after=fixed.text_after, strip=fixed.as_vila)
    expected = as_vila(texts, places, fixed.text_after)
    assert encoded.token_ids.tolist() == ids(f"B{expected.replace('#', 'I')}E")
    assert [drop.image for drop in settled.unfit] == list(range(6, len(places)))
    assert {drop.rule for drop in settled.unfit} <= {"max_images"}
