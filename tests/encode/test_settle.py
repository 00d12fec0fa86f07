from collections.abc import Sequence

import pytest
from records import make_image, make_measured

from interleave.clean.rules import NumImages, NumSentences, Verdict
from interleave.document import Document, Image, Sentence
from interleave.encode.settle import escape_placeholders, settle

AT_LEAST_TWO = NumImages(kind="num_images", min=2)


def shown(document: Document) -> list[str | int]:
    return [part.index if isinstance(part, Image) else part.text for part in document.parts]


def test_dropped_images_go_and_the_others_stand_in_the_text() -> None:
    measured = make_measured(["a", "b"], [make_image(0, matched=1), make_image(1), make_image(2, matched=1)])
    document, verdict = settle(measured, {0}, (), "before")
    assert (shown(document), verdict) == ([1, "a", 2, "b"], None)
    document, _ = settle(measured, (), (), "after")
    assert shown(document) == ["a", 1, "b", 0, 2]
    assert (document.id, document.source, document.url) == (measured.id, measured.source, measured.url)


def test_counts_are_judged_again_by_what_is_left() -> None:
    measured = make_measured(["a"], [make_image(0), make_image(1), make_image(2)])
    assert settle(measured, {0}, (AT_LEAST_TWO,), "before")[1] is None
    document, verdict = settle(measured, {0, 2}, (AT_LEAST_TWO,), "before")
    assert verdict == ("num_images", Verdict(1, 2))
    assert [image.index for image in document.images] == [1]


def test_a_document_of_which_nothing_is_left_is_a_drop_also_without_rules() -> None:
    document, verdict = settle(make_measured(["", ""], [make_image(0)]), {0}, (), "before")
    assert (document.parts, verdict) == ((), ("empty_document", Verdict(0, 1)))
    # An image alone, or a sentence alone, is something.
    assert settle(make_measured([""], [make_image(0)]), (), (), "before")[1] is None
    assert settle(make_measured(["a"]), (), (), "before")[1] is None


def test_the_first_rule_that_is_broken_is_named() -> None:
    rules: Sequence[NumImages | NumSentences] = (NumSentences(kind="num_sentences", min=3), AT_LEAST_TWO)
    assert settle(make_measured(["a"]), (), tuple(rules), "before")[1] == ("num_sentences", Verdict(1, 3))


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
