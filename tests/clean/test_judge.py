from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from records import make_image, make_measured

from interleave.align.settings import Align
from interleave.clean.judge import AROUND, Judgement, judge
from interleave.clean.rules import Rule, Rules, sort_rules
from interleave.document import MeasuredDocument

RULE: TypeAdapter[Any] = TypeAdapter(Rule)
BIG, SMALL = make_image(0), make_image(1, width=100)


def rules(*given_rules: dict[str, Any]) -> Rules:
    return sort_rules([RULE.validate_python(rule) for rule in given_rules])


def words(of: str, **bounds: int) -> dict[str, Any]:
    return {"kind": "num_words", "of": of, **bounds}


def dropped(judged: Judgement) -> list[tuple[int | None, int | None, str]]:
    return [(drop.sentence, drop.image, drop.rule) for drop in judged.drops]


SIDE = {"kind": "image_side", "min": 150}
FACES = {"kind": "faces"}
ONE_IMAGE = {"kind": "num_images", "min": 1}


def test_the_first_rule_that_an_image_breaks_is_the_one_in_the_ledger() -> None:
    both = make_image(3, width=100, num_faces=2)
    (drop,) = judge(make_measured(images=[both]), rules(SIDE, FACES)).drops
    assert (drop.image, drop.stage, drop.rule, drop.value, drop.threshold) == (3, "clean", "image_side", 100, 150)
    (drop,) = judge(make_measured(images=[both]), rules(FACES, SIDE)).drops
    assert (drop.image, drop.rule, drop.value, drop.threshold) == (3, "faces", 2, 0)


def test_a_document_is_judged_by_the_images_that_its_rules_left() -> None:
    assert dropped(judge(make_measured(images=[BIG, SMALL]), rules(SIDE, ONE_IMAGE))) == [(None, 1, "image_side")]
    assert dropped(judge(make_measured(images=[SMALL]), rules(SIDE, ONE_IMAGE))) == [
        (None, 1, "image_side"),
        (None, None, "num_images"),
    ]


def test_the_images_of_a_dropped_document_are_counted_as_dropped_with_it() -> None:
    judged = judge(make_measured(images=[BIG, SMALL]), rules(SIDE, {"kind": "num_sentences", "min": 2}, ONE_IMAGE))
    assert [(drop.image, drop.rule, drop.detail) for drop in judged.drops] == [
        (1, "image_side", ""),
        (None, "num_sentences", ""),
        (0, "document_dropped", "num_sentences"),
    ]


def test_without_rules_everything_stays() -> None:
    assert judge(make_measured([], images=[BIG, SMALL]), rules()) == Judgement()


def test_a_sentence_goes_alone_and_a_document_is_judged_by_the_others() -> None:
    document = make_measured(["One two three.", "", "One.", "One two."])
    judged = judge(document, rules(words("sentence", min=2), {"kind": "num_sentences", "min": 3}))
    assert dropped(judged) == [(2, None, "sentence.num_words"), (None, None, "num_sentences")]
    assert (judged.drops[0].value, judged.drops[0].threshold) == (1, 2)
    assert judged.drops[1].value == 2


def test_a_paragraph_goes_with_all_its_sentences() -> None:
    document = make_measured(["Menu", "Home.", "One two three.", "Four."], paragraphs=[0, 2])
    judged = judge(document, rules(words("paragraph", min=3)))
    assert dropped(judged) == [(0, None, "paragraph.num_words"), (1, None, "paragraph.num_words")]
    assert judged.sentences == {0: (2,), 1: (2,), 2: (4,), 3: (4,)}


def test_a_paragraph_is_judged_by_the_sentences_that_are_left_of_it() -> None:
    document = make_measured(["Menu", "One two three.", "Four five"], paragraphs=[0, 2])
    judged = judge(document, rules(words("sentence", min=2), words("paragraph", min=4)))
    assert dropped(judged) == [
        (0, None, "sentence.num_words"),
        (1, None, "paragraph.num_words"),
        (2, None, "paragraph.num_words"),
    ]
    # What went by itself was in no paragraph any more.
    assert judged.sentences == {0: (1, None), 1: (3, 3), 2: (2, 2)}


def test_without_known_paragraphs_a_sentence_is_a_paragraph() -> None:
    judged = judge(make_measured(["One.", "One two."]), rules(words("paragraph", min=2)))
    assert dropped(judged) == [(0, None, "paragraph.num_words")]


def test_an_image_goes_by_the_sentences_nearest_to_its_place() -> None:
    sentences = [f"{number} is a sentence." for number in range(8)]
    near = 4 * 2 * AROUND
    document = make_measured(sentences, [make_image(0, matched=4), make_image(1, matched=0), make_image(2, matched=8)])
    judged = judge(document, rules(words("around_image", min=near)))
    assert judged.images == {0: (near,), 1: (near / 2,), 2: (near / 2,)}
    assert dropped(judged) == [(None, 1, "around_image.num_words"), (None, 2, "around_image.num_words")]


def test_text_around_an_image_behind_its_sentence_begins_there() -> None:
    document = make_measured(["a", "a b", "a b c", "a b c d", "a b c d e"], [make_image(0, matched=1)])
    assert judge(document, rules(words("around_image", min=1))).images == {0: (1 + 2 + 3,)}
    after = judge(document, rules(words("around_image", min=1)), align=Align(place="after"))
    assert after.images == {0: (1 + 2 + 3 + 4,)}


def test_text_around_an_image_is_what_is_left_of_it() -> None:
    document = make_measured(["a b c", "x", "y", "d e f"], [make_image(0, matched=2)])
    judged = judge(document, rules(words("sentence", min=2), words("around_image", min=6)))
    assert judged.images == {0: (6,)}
    assert judge(make_measured([""], [make_image(0)]), rules(words("around_image", min=1))).images == {0: (0,)}


def test_every_rule_measures_also_what_an_earlier_one_removed() -> None:
    judged = judge(make_measured(images=[make_image(0, width=100, num_faces=0)]), rules(SIDE, FACES, ONE_IMAGE))
    assert judged.images == {0: (100, 0)}
    assert judged.document == (0,)


TEXTS = st.lists(st.sampled_from(["", "one", "one two", "one two three four"]), max_size=8)


@st.composite
def documents(draw: st.DrawFn) -> MeasuredDocument:
    sentences = draw(TEXTS)
    starts = sorted(draw(st.sets(st.integers(1, max(len(sentences) - 1, 1)), max_size=4)))
    images = [
        make_image(index, matched=draw(st.integers(0, max(len(sentences) - 1, 0))), width=draw(st.integers(100, 200)))
        for index in range(draw(st.integers(0, 4)))
    ]
    paragraphs = [0, *(start for start in starts if start < len(sentences))] if sentences else []
    return make_measured(sentences, images, paragraphs=paragraphs)


@given(documents(), st.integers(0, 4), st.integers(0, 4), st.integers(0, 6))
def test_nothing_is_dropped_twice_and_every_image_of_a_dropped_document_is_dropped(
    document: MeasuredDocument, of_sentence: int, of_paragraph: int, of_document: int
) -> None:
    judged = judge(
        document,
        rules(
            words("sentence", min=of_sentence),
            words("paragraph", min=of_paragraph),
            words("around_image", min=1),
            SIDE,
            words("document", min=of_document),
        ),
    )
    units = [(drop.sentence, drop.image) for drop in judged.drops]
    assert len(units) == len(set(units))
    assert all(document.sentences[sentence] for sentence, _ in units if sentence is not None)
    if (None, None) in units:
        assert {image for sentence, image in units if image is not None} == {image.index for image in document.images}
    assert set(judged.sentences) == {index for index, text in enumerate(document.sentences) if text}
    assert all(len(values) == 2 for values in judged.sentences.values())
