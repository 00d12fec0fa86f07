from interleave.acquire.sequence import in_reading_order
from interleave.document import SourceImage

X, Y = SourceImage(index=0, name=None, url=None), SourceImage(index=1, name=None, url=None)


def test_the_example_of_the_docstring() -> None:
    found = in_reading_order(["A cat. It sleeps.", X, "A dog.", Y])
    assert found.sentences == ("A cat.", "It sleeps.", "A dog.", "")
    assert [image.matched_sentence for image in found.images] == [2, 3]
    assert found.paragraphs == (0, 2, 3)


def test_paragraphs_without_a_sentence_are_none() -> None:
    found = in_reading_order(["  ", "One.", "\n", "Two. Three.", X, "Four."])
    assert found.sentences == ("One.", "Two.", "Three.", "Four.")
    assert found.paragraphs == (0, 1, 3)
    assert in_reading_order([]).paragraphs == ()
    assert in_reading_order([X]) == (("",), (X,), (0,))
