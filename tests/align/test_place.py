from typing import Literal

import pytest
from records import make_image

from interleave.align.place import place
from interleave.document import Image


def names(sentences: list[str], images: list[Image], where: Literal["before", "after"]) -> str:
    """ "a 0 b": sentences by their text, images by their index."""
    parts = place(sentences, images, where)
    return " ".join(str(part.index) if isinstance(part, Image) else part.text for part in parts)


@pytest.mark.parametrize(("where", "expected"), [("before", "a 0 1 b"), ("after", "a 0 1 b")])
def test_images_of_an_empty_sentence_stay_where_they_were(where: Literal["before", "after"], expected: str) -> None:
    images = [make_image(0, matched=1), make_image(1, matched=2 if where == "before" else 1)]
    assert names(["a", "", "b"], images, where) == expected


def test_an_image_stands_before_or_after_its_sentence() -> None:
    images = [make_image(0, matched=1), make_image(1, matched=0)]
    assert names(["a", "b"], images, "before") == "1 a 0 b"
    assert names(["a", "b"], images, "after") == "a 1 b 0"


def test_images_of_one_sentence_keep_the_order_of_the_source() -> None:
    images = [make_image(2), make_image(0), make_image(1)]
    assert names(["a"], images, "before") == "0 1 2 a"


def test_sentences_keep_their_index_in_the_source() -> None:
    parts = place(["", "a", "", "b"], [], "before")
    assert [(part.index, getattr(part, "text", None)) for part in parts] == [(1, "a"), (3, "b")]


def test_nothing_gives_nothing() -> None:
    assert place(["", ""], [], "before") == ()
