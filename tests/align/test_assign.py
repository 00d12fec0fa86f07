from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from records import make_image, make_measured

from interleave.align.assign import Floats, assign, reassign, similarity_of
from interleave.align.similarity import Similarity

# Multiples of 1/64 add up without rounding.
MATRICES = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.integers(-64, 64).map(lambda number: number / 64))
)


def best_total(similarities: Floats) -> float:
    """Of all ways to give as many images as possible a sentence of their own."""
    matrix = similarities if similarities.shape[0] <= similarities.shape[1] else similarities.T
    rows = range(matrix.shape[0])
    return max(
        float(sum(matrix[row, column] for row, column in zip(rows, columns, strict=True)))
        for columns in permutations(range(matrix.shape[1]), len(rows))
    )


@given(MATRICES)
def test_the_total_of_the_linear_assignment_is_the_best_of_all(similarities: Floats) -> None:
    columns = assign(similarities, "linear")
    num_images, num_sentences = similarities.shape
    if num_images <= num_sentences:
        assert len(set(columns.tolist())) == num_images
        assert float(similarities[np.arange(num_images), columns].sum()) == best_total(similarities)
        return
    # Surplus images go to their best sentence: what is left over once each sentence has one image.
    surplus = similarities.max(axis=1)
    assert set(columns.tolist()) == set(range(num_sentences))
    at_best = [row for row in range(num_images) if similarities[row, columns[row]] == surplus[row]]
    assert len(at_best) >= num_images - num_sentences


@given(MATRICES)
def test_argmax_gives_each_image_its_best_sentence(similarities: Floats) -> None:
    columns = assign(similarities, "argmax")
    assert (similarities[np.arange(len(columns)), columns] == similarities.max(axis=1)).all()


def test_the_example_of_the_docstring() -> None:
    similarities = np.array([[0.9, 0.8, 0.1], [0.9, 0.2, 0.1]], dtype=np.float32)
    assert assign(similarities, "linear").tolist() == [1, 0]
    assert assign(similarities, "argmax").tolist() == [0, 0]


def test_images_are_assigned_among_the_sentences_that_are_left() -> None:
    images = [make_image(0, matched=3, similarities=[0.9, 0.5, 0.1, 0.2]), make_image(1, matched=2)]
    assert [image.matched_sentence for image in reassign(images, [0, 1, 2, 3], "linear")] == [0, 2]
    assert [image.matched_sentence for image in reassign(images, [1, 3], "linear")] == [1, 2]
    assert [image.matched_sentence for image in reassign(images, [], "linear")] == [3, 2]
    assert [image.matched_sentence for image in reassign(images, [0, 1], "given")] == [3, 2]
    assert similarity_of(reassign(images, [1, 3], "argmax")[0]) == 0.5
    assert similarity_of(images[1]) is None


def test_an_image_that_fits_no_sentence_more_than_another_stays_and_takes_no_place() -> None:
    images = [make_image(0, matched=1, similarities=[0, 0, 0.5]), make_image(1, matched=0, similarities=[0, 1, 1])]
    assert [image.matched_sentence for image in reassign(images, [0, 1], "linear")] == [1, 1]


@pytest.mark.parametrize("how", ["linear", "argmax"])
def test_more_images_than_sentences_all_find_one(how: str) -> None:
    images = [make_image(index, similarities=[0.1 * index, 0.3]) for index in range(5)]
    columns = [image.matched_sentence for image in reassign(images, [0, 1], how)]  # type: ignore[arg-type]
    assert columns == [1, 1, 1, 0, 0]


def test_a_place_in_the_page_is_a_similarity() -> None:
    images = [make_image(0, matched=1, similarities=[1, 0, 0]), make_image(1, matched=1)]
    document = make_measured(["a", "b", "c"], images)
    assert Similarity().open()(document) is document
    by_position = Similarity(name="position").open()(document)
    assert [image.similarities.tolist() for image in by_position.images if image.similarities is not None] == [
        [0.5, 1, 0.5],
        [0.5, 1, 0.5],
    ]
    spread = reassign(by_position.images, [0, 1, 2], "linear")
    assert sorted({image.matched_sentence for image in spread} - {1}) in ([0], [2])
