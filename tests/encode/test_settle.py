import pytest
from records import make_image, make_measured

from interleave.align.settings import Align
from interleave.clean.bounds import Verdict
from interleave.clean.document_rules import NumImages, NumSentences
from interleave.clean.rules import Rules, sort_rules
from interleave.document import Document, Image, Sentence
from interleave.encode.settle import Gone, escape_placeholders, settle

AT_LEAST_TWO = sort_rules([NumImages(kind="num_images", min=2)])
NOTHING = Gone()
NO_RULES = Rules()
BEFORE, AFTER = Align(), Align(place="after")


def shown(document: Document) -> list[str | int]:
    return [part.index if isinstance(part, Image) else part.text for part in document.parts]


def test_dropped_images_go_and_the_others_stand_in_the_text() -> None:
    measured = make_measured(["a", "b"], [make_image(0, matched=1), make_image(1), make_image(2, matched=1)])
    settled = settle(measured, Gone(images=frozenset({0})), NO_RULES, BEFORE)
    assert (shown(settled.document), settled.broken) == ([1, "a", 2, "b"], None)
    document = settle(measured, NOTHING, NO_RULES, AFTER).document
    assert shown(document) == ["a", 1, "b", 0, 2]
    assert (document.id, document.source, document.url) == (measured.id, measured.source, measured.url)


def test_counts_are_judged_again_by_what_is_left() -> None:
    measured = make_measured(["a"], [make_image(0), make_image(1), make_image(2)])
    assert settle(measured, Gone(images=frozenset({0}), changed=True), AT_LEAST_TWO, BEFORE).broken is None
    settled = settle(measured, Gone(images=frozenset({0, 2}), changed=True), AT_LEAST_TWO, BEFORE)
    assert settled.broken == ("num_images", Verdict(1, 2))
    assert [image.index for image in settled.document.images] == [1]


def test_a_document_of_which_nothing_is_left_is_a_drop_also_without_rules() -> None:
    measured = make_measured(["", ""], [make_image(0)])
    settled = settle(measured, Gone(images=frozenset({0})), NO_RULES, BEFORE)
    assert (settled.document.parts, settled.broken) == ((), ("empty_document", Verdict(0, 1)))
    # An image alone, or a sentence alone, is something.
    assert settle(make_measured([""], [make_image(0)]), NOTHING, NO_RULES, BEFORE).broken is None
    assert settle(make_measured(["a"]), NOTHING, NO_RULES, BEFORE).broken is None


def test_the_first_rule_that_is_broken_is_named() -> None:
    rules = sort_rules([NumSentences(kind="num_sentences", min=3), NumImages(kind="num_images", min=2)])
    verdict = settle(make_measured(["a"]), Gone(changed=True), rules, BEFORE).broken
    assert verdict == ("num_sentences", Verdict(1, 3))


def test_what_has_not_changed_since_the_rules_judged_it_is_not_judged_again() -> None:
    assert settle(make_measured(["a"], [make_image(0)]), NOTHING, AT_LEAST_TWO, BEFORE).broken is None


def test_the_images_of_a_dropped_sentence_stay_where_they_are() -> None:
    measured = make_measured(["a", "b", "c"], [make_image(0, matched=1), make_image(1, matched=2)])
    gone = Gone(sentences=frozenset({1}), images=frozenset())
    assert shown(settle(measured, gone, NO_RULES, BEFORE).document) == ["a", 0, 1, "c"]
    assert shown(settle(measured, gone, NO_RULES, AFTER).document) == ["a", 0, "c", 1]
    everything = Gone(sentences=frozenset({0, 1, 2}))
    assert shown(settle(measured, everything, NO_RULES, BEFORE).document) == [0, 1]


def test_images_are_assigned_anew_when_a_sentence_has_gone() -> None:
    measured = make_measured(
        ["a", "b", "c"],
        [
            make_image(0, matched=0, similarities=[0.9, 0.5, 0.1]),
            make_image(1, matched=0, similarities=[0.8, 0.2, 0.1]),
        ],
    )
    linear = Align(assign="linear")
    assert shown(settle(measured, NOTHING, NO_RULES, linear).document) == [1, "a", 0, "b", "c"]
    assert shown(settle(measured, Gone(sentences=frozenset({0})), NO_RULES, linear).document) == [0, "b", 1, "c"]
    assert shown(settle(measured, Gone(images=frozenset({1})), NO_RULES, linear).document) == [0, "a", "b", "c"]
    (image, _) = settle(measured, Gone(sentences=frozenset({0})), NO_RULES, linear).document.images
    assert image.matched_sentence == 1


def test_an_image_that_fits_its_sentence_too_little_goes_and_the_document_is_judged_without_it() -> None:
    images = [make_image(0, similarities=[0.25]), make_image(1, similarities=[0.125]), make_image(2)]
    settled = settle(make_measured(["a"], images), NOTHING, AT_LEAST_TWO, Align(min_similarity=0.25))
    assert [(drop.image, drop.stage, drop.rule, drop.value, drop.threshold) for drop in settled.unfit] == [
        (1, "settle", "min_similarity", 0.125, 0.25)
    ]
    assert (shown(settled.document), settled.broken) == ([0, 2, "a"], None)
    settled = settle(make_measured(["a"], images[:2]), NOTHING, AT_LEAST_TWO, Align(min_similarity=0.25))
    assert settled.broken == ("num_images", Verdict(1, 2))


def test_rules_judge_the_sentences_that_are_left() -> None:
    rules = sort_rules([NumSentences(kind="num_sentences", min=2)])
    gone = Gone(sentences=frozenset({0}), changed=True)
    assert settle(make_measured(["a", "b"]), gone, rules, BEFORE).broken == ("num_sentences", Verdict(1, 2))


@pytest.mark.parametrize(
    ("text", "escaped", "count"),
    [
        ("see <image> here", "see <IMAGE> here", 1),
        ("<image><image>", "<IMAGE><IMAGE>", 2),
        ("<<image>image>", "<<IMAGE>image>", 1),
        ("<IMAGE> <Image> <image", "<IMAGE> <Image> <image", 0),
    ],
)
def test_a_placeholder_that_a_page_wrote_out_is_escaped_and_counted(text: str, escaped: str, count: int) -> None:
    image = make_image(0)
    document = Document(id="d", source="s", url=None, parts=(image, Sentence(index=4, text=text)))
    changed, num_escaped = escape_placeholders(document)
    assert changed.parts == (image, Sentence(index=4, text=escaped))
    assert num_escaped == count
