import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interleave.dedup.fingerprints import NUM_PERMUTATIONS, document_digest, minhash_signatures, perceptual_hash

WORDS = [f"word{number}" for number in range(200)]


def signature(*sentences: str) -> np.ndarray:
    return np.frombuffer(minhash_signatures([sentences])[0], dtype="<u4")


@pytest.mark.parametrize(
    "same",
    [["Hello, World!"], ["hello", "world"], ["HELLO   world..."], ["", "Hello", "", "world"], ["ｈｅｌｌｏ world"]],
)
def test_case_punctuation_spaces_and_sentence_borders_do_not_change_a_digest(same: list[str]) -> None:
    assert document_digest(same) == document_digest(["hello world"])
    np.testing.assert_array_equal(signature(*same), signature("hello world"))


def test_other_words_and_another_order_change_a_digest() -> None:
    digests = {document_digest([text]) for text in ("hello world", "world hello", "hello", "helloworld", "")}
    assert len(digests) == 5
    assert all(len(digest) == 16 for digest in digests)


def test_a_text_without_words_has_no_signature() -> None:
    assert minhash_signatures([[], ["", "..."], ["word"]])[:2] == [b"", b""]
    assert len(signature("word")) == NUM_PERMUTATIONS


def test_signatures_do_not_depend_on_the_batch() -> None:
    texts = [["one two three four five six"], [], ["seven eight"], ["one two"]]
    together = minhash_signatures(texts)
    assert together == [minhash_signatures([text])[0] for text in texts]


@pytest.mark.parametrize("shared", [0, 50, 100, 150, 190, 200])
def test_signatures_agree_in_about_the_share_of_five_grams_that_texts_share(shared: int) -> None:
    one, other = WORDS, WORDS[:shared] + [f"other{number}" for number in range(200 - shared)]
    grams = [{tuple(words[at : at + 5]) for at in range(len(words) - 4)} for words in (one, other)]
    jaccard = len(grams[0] & grams[1]) / len(grams[0] | grams[1])
    agreement = (signature(" ".join(one)) == signature(" ".join(other))).mean()
    assert abs(agreement - jaccard) < 4 * np.sqrt(0.25 / NUM_PERMUTATIONS)
    assert (agreement == 1) == (jaccard == 1)


def test_the_lowest_frequencies_of_a_known_picture_have_a_known_hash() -> None:
    # Brighter to the right and nothing else: of the 64 coefficients only the first row is not 0, and of it the constant
    # is positive, and of the odd horizontal frequencies, which alone such a ramp has, all are negative.
    ramp = np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))
    assert perceptual_hash(ramp) == 1 << 63
    # Mirrored, the odd frequencies are positive: bits 0, 1, 3, 5, 7 of the first row.
    assert perceptual_hash(ramp[:, ::-1]) == 0b11010101 << 56
    # Turned, the first column is: bit 0 of rows 0, 1, 3, 5, 7.
    turned = sum(1 << (63 - 8 * row) for row in (0, 1, 3, 5, 7))
    assert perceptual_hash(ramp[:, ::-1].T) == turned


@given(st.integers(0, 2**32 - 1), st.integers(-8, 8))
def test_a_picture_that_is_a_little_brighter_keeps_its_hash_and_another_one_does_not(seed: int, shift: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (8, 8), dtype=np.uint8)
    picture = np.kron(coarse, np.ones((4, 4), dtype=np.uint8))
    brighter = (picture.astype(int) + shift).astype(np.uint8)
    other = np.kron(rng.permutation(coarse.ravel()).reshape(8, 8), np.ones((4, 4), dtype=np.uint8))
    assert (perceptual_hash(picture) ^ perceptual_hash(brighter)).bit_count() <= 2
    assert (perceptual_hash(picture) ^ perceptual_hash(other)).bit_count() > 7
